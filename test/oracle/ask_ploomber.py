"""Answers, for projects given as JSON on standard input, what Ploomber makes of them.

Each project is copied first: Ploomber writes into the sources that it loads. One line of JSON per
project comes out: its tasks with what they need and make, or the error.
"""

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

from ploomber.products import MetaProduct  # noqa: E402
from ploomber.spec import DAGSpec  # noqa: E402


def products(product):
    if not isinstance(product, MetaProduct):
        return {"product": product._identifier.best_repr(shorten=False)}
    return {
        key: one._identifier.best_repr(shorten=False)
        for key, one in product.products.products.items()
    }


def load(project):
    entry = project.get("entry", "pipeline.yaml")
    options = {"lazy_import": project["lazy"]}
    if project.get("overrides"):
        options["env"] = project["overrides"]
    if Path(entry).is_dir():
        return DAGSpec.from_directory(entry).to_dag()
    if "*" in entry:
        return DAGSpec.from_files(entry).to_dag()
    return DAGSpec(entry, **options).to_dag()


def answer(project, folder):
    target = Path(folder, project["name"])
    shutil.copytree(project["folder"], target, symlinks=True)
    modules, path, cwd, environ = set(sys.modules), list(sys.path), os.getcwd(), dict(os.environ)
    os.environ.update(project.get("variables", {}))
    os.chdir(Path(target, project.get("cwd", ".")))
    sys.path.insert(0, os.getcwd())
    sys.dont_write_bytecode = True
    try:
        dag = load(project)
        return {
            "tasks": {
                str(name): {
                    "class": type(dag[name]).__name__,
                    "upstream": sorted(dag[name].upstream),
                    "products": {
                        key: text.replace(str(target.resolve()), "{root}")
                        for key, text in products(dag[name].product).items()
                    },
                }
                for name in dag._iter()
            }
        }
    except BaseException as error:  # what is wrong with a project may be anything
        chain = []
        while error is not None and len(chain) < 6:
            chain.append(f"{type(error).__name__}: {error}"[:300])
            error = error.__cause__ or error.__context__
        return {"error": " <- ".join(chain)}
    finally:
        os.chdir(cwd)
        sys.path[:] = path
        os.environ.clear()
        os.environ.update(environ)
        for name in set(sys.modules) - modules:
            del sys.modules[name]


def main():
    with tempfile.TemporaryDirectory() as folder:
        for project in json.load(sys.stdin):
            place = Path(folder, "lazy" if project["lazy"] else "eager", project["name"])
            place.mkdir(parents=True)
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                result = answer(project, place)
            print(json.dumps({"name": project["name"], "lazy": project["lazy"], **result}), flush=True)


main()
