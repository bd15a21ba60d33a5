"""Where results rest: the Delta lake (湖) and the gold tables in SQL (结果库). The only room that knows either."""
