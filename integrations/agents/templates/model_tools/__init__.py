"""The tools of a stage, as a language model is offered them."""
