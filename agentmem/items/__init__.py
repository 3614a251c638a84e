"""Key-value items of a LangGraph store, kept among the memories of a scope."""
