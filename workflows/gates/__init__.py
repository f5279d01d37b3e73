"""Gates: whom they ask, what they show, how votes are counted, and what was decided."""
