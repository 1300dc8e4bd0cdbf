"""The rules of storage: what may be named, written, replaced and removed. Pure, without a clock."""
