"""Validates workflows, given as paths of YAML files on the command line, with Hera's models.

Prints one line of JSON per file: the errors that it has.
"""

import json
import sys

import yaml
from hera.workflows.models import CronWorkflow, Workflow, WorkflowTemplate

MODELS = {model.__name__: model for model in (Workflow, WorkflowTemplate, CronWorkflow)}


def strict(value, model_data, path=""):
    """What is in the file must be in the model: it drops what it does not know."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(model_data, dict) or key not in model_data:
                yield f"{path}.{key} is unknown"
            else:
                yield from strict(item, model_data[key], f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from strict(item, model_data[index], f"{path}[{index}]")


def errors(document):
    model = MODELS[document["kind"]]
    try:
        parsed = model.parse_obj(document)
    except Exception as error:
        return [str(error)]
    written = json.loads(parsed.json(by_alias=True, exclude_none=True))
    return list(strict(document, written))


for file in sys.argv[1:]:
    with open(file, encoding="utf-8") as stream:
        documents = list(yaml.safe_load_all(stream))
    found = [error for document in documents for error in errors(document)]
    print(json.dumps({"file": file, "documents": len(documents), "errors": found}), flush=True)
