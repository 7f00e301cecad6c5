"""The wire contract in code: names, headers, problem documents, validation, discovery."""
