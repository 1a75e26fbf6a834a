"""The parts of the Data step: bringing, checking, seeing a task as the model does. One component each."""
