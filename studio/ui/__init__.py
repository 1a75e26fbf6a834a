"""The page. Only this room and app.py know gradio; nothing outside knows this room."""

import gradio.component_meta

from studio.foreign import Original

READ_FROM = (Original("gradio.component_meta", "6.31.0", "8170c75b458e"),)

# gradio writes a .pyi beside the source of every component class that is defined; our sources stay as they are.
gradio.component_meta.create_or_modify_pyi = lambda *_: None
