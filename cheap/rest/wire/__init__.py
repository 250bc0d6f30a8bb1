"""What crosses the line: routes, shapes, errors, edits, filters and contents, both ways."""
