"""The shapes of the versioned API. What they say of themselves is in the OpenAPI document."""
