#!/usr/bin/env python3
"""A filter of doxygen's: a public header as its users know it. Usage: docs_header.py HEADER

They write squid_mesh::mesh, without the inline namespace of the ABI; namespaces called detail and specialisations of
the standard library's templates are left out. Every line stays where it is.
"""

import pathlib
import re
import sys

NOT_PROMISED = re.compile(
    r"^namespace detail \{\n[^\n]*\n\}\n|^namespace detail \{\n.*?^\}  // namespace detail\n|^template <>\nstruct std::.*?^\};\n",
    re.DOTALL | re.MULTILINE)

text = pathlib.Path(sys.argv[1]).read_text().replace("squid_mesh::inline v1", "squid_mesh")
print(NOT_PROMISED.sub(lambda found: "\n" * found[0].count("\n"), text), end="")
