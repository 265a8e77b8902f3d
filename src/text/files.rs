//! The files of a tokenizer beside its vocabulary: which tokens were added, which are special.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::text::TextError;

/// The largest published tokenizer has 7 MB.
const MAX_BYTES: u64 = 64 << 20;
/// No published token is longer than 40 bytes.
const MAX_TOKEN_BYTES: usize = 512;
/// Room for the picture tokens of a model and a hundred times more.
const MAX_TOKENS: usize = 1 << 20;

/// What a special token can be named for, in the order in which missing ones get their ids.
const ROLES: [&str; 7] =
    ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];
const MORE: &str = "additional_special_tokens";

/// A token that is cut out of a text before anything else happens to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddedToken {
    pub(crate) content: String,
    pub(crate) id: u32,
    /// Whether it takes the whitespace before it along.
    pub(crate) lstrip: bool,
    /// Whether it takes the whitespace after it along.
    pub(crate) rstrip: bool,
    pub(crate) is_special: bool,
}

impl AddedToken {
    /// One that takes no whitespace along.
    pub(crate) fn new(content: &str, id: u32, is_special: bool) -> Self {
        Self { content: content.to_owned(), id, lstrip: false, rstrip: false, is_special }
    }
}

/// A token that a file names for a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedToken {
    pub(crate) content: String,
    /// Its `lstrip` and `rstrip`; a plain string has none.
    pub(crate) strips: Option<(bool, bool)>,
}

/// `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` of a folder, each as
/// good as empty when it is not there.
pub(crate) struct SideFiles {
    pub(crate) folder: PathBuf,
    config: Map<String, Value>,
    special: Map<String, Value>,
    added: Map<String, Value>,
}

impl SideFiles {
    /// # Errors
    /// When one of them is damaged; the error names it.
    pub(crate) fn read(folder: &Path) -> Result<Self, TextError> {
        let object = |name: &str| {
            let path = folder.join(name);
            match read_json(&path)? {
                None => Ok(Map::new()),
                Some(Value::Object(fields)) => Ok(fields),
                Some(_) => Err(damaged(&path, "it is not a list of named values")),
            }
        };
        let files = Self {
            folder: folder.to_owned(),
            config: object("tokenizer_config.json")?,
            special: object("special_tokens_map.json")?,
            added: object("added_tokens.json")?,
        };
        for role in ROLES {
            files.named_in_config(role)?;
            files.named_in_map(role)?;
        }
        files.more_special()?;
        Ok(files)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A yes or no of `tokenizer_config.json`.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.config.get(key)?.as_bool()
    }

    /// Whether `tokenizer_config.json` says all about the added tokens, as it does since 2023.
    pub(crate) fn is_modern(&self) -> bool {
        self.config.get("added_tokens_decoder").is_some_and(Value::is_object)
    }

    /// What `tokenizer_config.json` names for a role: `None` when it does not say, `Some(None)`
    /// when it says there is none.
    pub(crate) fn named_in_config(
        &self,
        role: &str,
    ) -> Result<Option<Option<NamedToken>>, TextError> {
        named(&self.config, role).map_err(|why| damaged(&self.path("tokenizer_config.json"), &why))
    }

    /// The same of `special_tokens_map.json`.
    pub(crate) fn named_in_map(&self, role: &str) -> Result<Option<NamedToken>, TextError> {
        named(&self.special, role)
            .map(Option::flatten)
            .map_err(|why| damaged(&self.path("special_tokens_map.json"), &why))
    }

    /// Special tokens without a role: those of the map, else those of the configuration.
    pub(crate) fn more_special(&self) -> Result<Vec<NamedToken>, TextError> {
        let in_map = several(&self.special)
            .map_err(|why| damaged(&self.path("special_tokens_map.json"), &why))?;
        let in_config = several(&self.config)
            .map_err(|why| damaged(&self.path("tokenizer_config.json"), &why))?;
        Ok(if in_map.is_empty() { in_config } else { in_map })
    }

    /// All tokens with a role, then those without. `usual` are those of the roles nobody names.
    /// Current versions of the library look into the map beside an old configuration only.
    pub(crate) fn named_tokens(
        &self,
        usual: &[(&str, &str)],
        map_counts: bool,
    ) -> Result<Vec<(&'static str, NamedToken)>, TextError> {
        let mut tokens = Vec::new();
        for role in ROLES {
            let usual = usual.iter().find(|(of, _)| *of == role);
            let usual =
                usual.map(|(_, token)| NamedToken { content: (*token).to_owned(), strips: None });
            let in_config = self.named_in_config(role)?;
            let in_map = self.named_in_map(role)?.filter(|_| map_counts);
            let token = in_map.or_else(|| in_config.unwrap_or(usual));
            tokens.extend(token.map(|token| (role, token)));
        }
        tokens.extend(self.more_special()?.into_iter().map(|token| (MORE, token)));
        Ok(tokens)
    }

    /// `added_tokens.json`, by rising id.
    pub(crate) fn added_ids(&self) -> Result<Vec<(String, u32)>, TextError> {
        let path = self.path("added_tokens.json");
        check_number(&path, self.added.len())?;
        let mut tokens = Vec::new();
        for (content, id) in &self.added {
            check_length(&path, content)?;
            let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
            let id = id.ok_or_else(|| damaged(&path, "an id is not a number"))?;
            tokens.push((content.clone(), id));
        }
        tokens.sort_by_key(|(_, id)| *id);
        let twice = tokens.iter().zip(tokens.iter().skip(1)).any(|(a, b)| a.1 == b.1);
        if twice { Err(damaged(&path, "two tokens have the same id")) } else { Ok(tokens) }
    }

    /// `added_tokens_decoder` of `tokenizer_config.json`, by rising id.
    pub(crate) fn decoder_tokens(&self) -> Result<Vec<AddedToken>, TextError> {
        let path = self.path("tokenizer_config.json");
        let decoder = match self.config.get("added_tokens_decoder") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(damaged(&path, "its added tokens are not named by their ids")),
        };
        check_number(&path, decoder.len())?;
        let mut tokens = Vec::new();
        for (id, token) in decoder {
            let id = id.parse().ok();
            let token = id.and_then(|id| read_added(token, id));
            let token = token.ok_or_else(|| damaged(&path, "an added token is not a token"))?;
            check_length(&path, &token.content)?;
            tokens.push(token);
        }
        tokens.sort_by_key(|token| token.id);
        Ok(tokens)
    }

    /// Tokens that either file adds; where both name one, the configuration counts.
    pub(crate) fn added_tokens(&self) -> Result<Vec<AddedToken>, TextError> {
        let mut tokens = self.decoder_tokens()?;
        let known: HashSet<String> = tokens.iter().map(|token| token.content.clone()).collect();
        let named: HashMap<String, Option<(bool, bool)>> = self
            .named_tokens(&[], !self.is_modern())?
            .into_iter()
            .map(|(_, token)| (token.content, token.strips))
            .collect();
        for (content, id) in self.added_ids()? {
            if !known.contains(&content) {
                let special = named.get(&content);
                let mut token = AddedToken::new(&content, id, special.is_some());
                (token.lstrip, token.rstrip) = special.copied().flatten().unwrap_or_default();
                tokens.push(token);
            }
        }
        tokens.sort_by_key(|token| token.id);
        Ok(tokens)
    }

    /// The file that adds a token.
    pub(crate) fn file_adding(&self, token: &AddedToken) -> Result<PathBuf, TextError> {
        let is_of_config = self.decoder_tokens()?.iter().any(|of| of.content == token.content);
        Ok(self.path(if is_of_config { "tokenizer_config.json" } else { "added_tokens.json" }))
    }
}

/// A token as `tokenizer.json` and `added_tokens_decoder` write it.
pub(crate) fn read_added(token: &Value, id: u32) -> Option<AddedToken> {
    let flag = |key: &str| token.get(key).and_then(Value::as_bool).unwrap_or(false);
    Some(AddedToken {
        content: token.get("content")?.as_str()?.to_owned(),
        id,
        lstrip: flag("lstrip"),
        rstrip: flag("rstrip"),
        is_special: flag("special"),
    })
}

/// The file, `None` when it is not there.
///
/// # Errors
/// When the system refuses it, or when it is no file or larger than any tokenizer.
pub(crate) fn read_capped(path: &Path) -> Result<Option<Vec<u8>>, TextError> {
    let io = |source| TextError::Io { source, path: path.to_owned() };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if !metadata.is_file() {
        return Err(damaged(path, "it is not a file"));
    }
    if metadata.len() > MAX_BYTES {
        return Err(damaged(path, "it is larger than 64 MB"));
    }
    std::fs::read(path).map(Some).map_err(io)
}

/// The same, read as JSON.
pub(crate) fn read_json(path: &Path) -> Result<Option<Value>, TextError> {
    let Some(bytes) = read_capped(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(path, &error.to_string()))
}

pub(crate) fn damaged(path: &Path, reason: &str) -> TextError {
    TextError::Damaged { reason: reason.to_owned(), path: path.to_owned() }
}

fn named(fields: &Map<String, Value>, role: &str) -> Result<Option<Option<NamedToken>>, String> {
    match fields.get(role) {
        None => Ok(None),
        Some(Value::Null) => Ok(Some(None)),
        Some(token) => read_named(token)
            .map(|token| Some(Some(token).filter(|token| !token.content.is_empty())))
            .ok_or_else(|| format!("its {role} is not a token")),
    }
}

fn several(fields: &Map<String, Value>) -> Result<Vec<NamedToken>, String> {
    match fields.get(MORE) {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(tokens)) if tokens.len() <= MAX_TOKENS => {
            tokens.iter().map(read_named).collect()
        }
        Some(_) => None,
    }
    .ok_or_else(|| format!("its {MORE} are not tokens"))
}

fn read_named(token: &Value) -> Option<NamedToken> {
    let named = match token.as_str() {
        Some(content) => NamedToken { content: content.to_owned(), strips: None },
        None => {
            let token = read_added(token, 0)?;
            NamedToken { content: token.content, strips: Some((token.lstrip, token.rstrip)) }
        }
    };
    (named.content.len() <= MAX_TOKEN_BYTES).then_some(named)
}

fn check_number(path: &Path, number: usize) -> Result<(), TextError> {
    if number > MAX_TOKENS {
        return Err(damaged(path, "it adds more than a million tokens"));
    }
    Ok(())
}

/// # Errors
/// When an added token is empty, or so long that looking for it could take for ever.
pub(crate) fn check_length(path: &Path, content: &str) -> Result<(), TextError> {
    if content.is_empty() || content.len() > MAX_TOKEN_BYTES {
        return Err(damaged(path, "an added token is empty or longer than any that is published"));
    }
    Ok(())
}
