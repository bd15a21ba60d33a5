"""What readers of the topics get, made from the catalog (读者资料): AsyncAPI document, pages of fields, overview."""
