//! Strings become ids and ids become strings.
