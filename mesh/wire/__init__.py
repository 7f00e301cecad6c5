"""The wire contract in code: names, problem documents, headers, validation, discovery."""
