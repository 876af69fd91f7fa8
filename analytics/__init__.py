"""SQL and models over the published tables, and the engines that answer them."""
