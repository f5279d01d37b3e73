"""From the text of a document to typed values, with the place and the words of every mistake."""
