"""The artefact store: what agents put out, kept under the digest of its bytes."""
