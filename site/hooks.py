"""What MkDocs asks while it builds."""


def on_config(config):
    """A page that is not there yet has no entry."""
    from pathlib import Path

    def kept(entry):
        (title, value), = entry.items() if isinstance(entry, dict) else {None: entry}.items()
        if isinstance(value, list):
            return [{title: [child for part in value for child in kept(part)]}]
        return [entry] if Path(config.docs_dir, value).exists() else []

    config.nav = [child for entry in config.nav for child in kept(entry)]
    return config
