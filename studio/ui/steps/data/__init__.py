"""The parts of the Data step: importing, checking, seeing a task as the model does. One component each."""
