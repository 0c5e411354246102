"""A hook of mkdocs: the API reference, which doxygen has written, becomes a part of the site."""

import os
import pathlib

from mkdocs.structure.files import File


def on_files(files, config):
    reference = pathlib.Path(os.environ["SQUID_MESH_API_REFERENCE"])
    for path in reference.rglob("*"):
        if path.is_file():
            inside = pathlib.Path("api") / path.relative_to(reference)
            files.append(File(inside.as_posix(), reference.parent, config["site_dir"], config["use_directory_urls"]))
    return files
