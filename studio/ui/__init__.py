"""The page. Only this room and app.py know gradio; nothing outside knows this room."""

import gradio.component_meta

# gradio writes a .pyi beside the source of every component class that is defined; our sources stay as they are.
gradio.component_meta.create_or_modify_pyi = lambda *_: None
