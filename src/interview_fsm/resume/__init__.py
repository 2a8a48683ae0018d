"""Reading résumés: from a link, bytes or a file to text a person would read."""
