# SPDX-License-Identifier: Apache-2.0
"""The test laboratory: namespaces, nodes, clients and a weir between them."""
