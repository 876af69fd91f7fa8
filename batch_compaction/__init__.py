"""Raw objects to star schema: parse, merge, check, publish; and SQL over what is published."""
