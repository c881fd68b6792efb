"""`python -m phvae`: the command `phvae`."""

from phvae.cli import main

raise SystemExit(main())
