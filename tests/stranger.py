"""A program that knows nothing of the studio: saves exported models' logits, and trains what scripts say.

python stranger.py [[name, form, base], ...] [token, ...]     in the folder where they were unpacked
"""

import json
import runpy
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

if __name__ == "__main__":
    for name, form, base in json.loads(sys.argv[1]):
        model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        if form == "adapter":
            model = PeftModel.from_pretrained(model, name)
        with torch.no_grad():
            logits = model.eval()(input_ids=torch.tensor([json.loads(sys.argv[2])])).logits
        torch.save(logits, f"{name}-{form}.pt")
    for folder in sorted(Path().glob("script*")):
        script = runpy.run_path(f"{folder}/train.py")
        print("losses", folder, json.dumps(script["train"](script["SETTINGS"])))
    assert "studio" not in sys.modules
