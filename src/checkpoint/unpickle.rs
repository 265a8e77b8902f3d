//! What a pickle would build, as far as it says where tensors lie. Nothing in it is executed.
//!
//! Kept for files that the usual reader refuses because some dictionary in them has keys that are
//! neither text nor numbers: Lightning 1.0 keeps the state of its callbacks under their classes.

use std::collections::HashMap;

use crate::checkpoint::FileDtype;

/// Values of the largest published file are a hundredth of these.
const MAX_VALUES: usize = 1 << 22;

/// No tensor has more dimensions and no name more letters.
const MAX_RANK: usize = 16;
const MAX_NAME: usize = 512;

/// Names a value; values lie side by side, so that no depth of nesting is a depth of calls.
pub(super) type Id = usize;

/// Everything that is not looked at.
const OTHER: Id = 0;

/// A value as far as it matters here.
#[derive(Debug)]
pub(super) enum Value {
    Other,
    Int(i64),
    Text(String),
    /// Module and name.
    Class(String),
    /// A tuple or a list.
    Items(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Storage(Box<Storage>),
    Tensor(Box<Place>),
}

/// The numbers that tensors are parts of.
#[derive(Clone, Debug)]
pub(super) struct Storage {
    pub(super) key: String,
    pub(super) dtype: FileDtype,
    pub(super) len: usize,
}

/// Where a tensor lies in a storage.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) storage: Storage,
    /// Numbers before its first.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// What one pickle built.
#[derive(Debug)]
pub(super) struct Unpickled {
    values: Vec<Value>,
    root: Id,
    /// Bytes it took.
    pub(super) len: usize,
}

impl Unpickled {
    pub(super) fn get(&self, id: Id) -> &Value {
        self.values.get(id).unwrap_or(&Value::Other)
    }

    pub(super) fn root(&self) -> &Value {
        self.get(self.root)
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entry of a dictionary.
    pub(super) fn entry(&self, dict: &Value, key: &str) -> Option<&Value> {
        let Value::Dict(entries) = dict else { return None };
        let found = entries.iter().find(|(name, _)| self.text(*name) == Some(key))?;
        Some(self.get(found.1))
    }

    /// Every storage.
    pub(super) fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.values.iter().filter_map(|value| match value {
            Value::Storage(storage) => Some(storage.as_ref()),
            _ => None,
        })
    }

    /// Names of classes that are keys.
    pub(super) fn class_keys(&self) -> impl Iterator<Item = &str> {
        let keys = self.values.iter().flat_map(|value| match value {
            Value::Dict(entries) => entries.as_slice(),
            _ => &[],
        });
        keys.filter_map(|(key, _)| match self.get(*key) {
            Value::Class(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

/// Run the pickle at the start of these bytes; `None` when it is cut short or holds operations
/// that weight files do not use.
pub(super) fn unpickle(bytes: &[u8]) -> Option<Unpickled> {
    let mut machine = Machine {
        bytes,
        at: 0,
        values: vec![Value::Other],
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    while machine.step()? {}
    let root = machine.pop()?;
    Some(Unpickled { values: machine.values, root, len: machine.at })
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// One operation; false after the last.
    fn step(&mut self) -> Option<bool> {
        let [code] = self.take()?;
        match code {
            b'.' => return Some(false),
            0x80 => drop(self.slice(1)?),
            0x95 => drop(self.slice(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_mark()?),
            b'2' => self.stack.push(*self.stack.last()?),
            b'q' | b'r' | b'p' | 0x94 => self.put(code)?,
            b'h' | b'j' | b'g' => self.get(code)?,
            b'c' | 0x93 => self.class(code)?,
            b't' | b'l' | 0x91 | 0x85..=0x87 => self.items(code)?,
            b'd' => {
                let items = self.pop_mark()?;
                self.push(Value::Dict(pairs(&items)))?;
            }
            b's' | b'u' | b'a' | b'e' | 0x90 => self.add(code)?,
            b'Q' => self.storage()?,
            b'R' | 0x81 | 0x92 => self.call(code)?,
            // the state of an object, which stays what it is
            b'b' => drop(self.pop()?),
            _ => self.constant(code)?,
        }
        Some(true)
    }

    fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        let part = self.bytes.get(self.at..self.at.checked_add(len)?)?;
        self.at += len;
        Some(part)
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.slice(N)?.try_into().ok()
    }

    fn line(&mut self) -> Option<&'a [u8]> {
        let len = self.bytes.get(self.at..)?.iter().position(|byte| *byte == b'\n')?;
        let line = self.slice(len)?;
        self.slice(1)?;
        Some(line)
    }

    /// As many bytes as a little-endian number of `N` bytes says.
    fn counted<const N: usize>(&mut self) -> Option<&'a [u8]> {
        let mut len = [0; 8];
        len.get_mut(..N)?.copy_from_slice(self.slice(N)?);
        self.slice(usize::try_from(u64::from_le_bytes(len)).ok()?)
    }

    fn push(&mut self, value: Value) -> Option<()> {
        let id = match value {
            Value::Other => OTHER,
            value => {
                self.values.push(value);
                self.values.len() - 1
            }
        };
        self.stack.push(id);
        (self.values.len() <= MAX_VALUES && self.stack.len() <= MAX_VALUES).then_some(())
    }

    fn pop(&mut self) -> Option<Id> {
        self.stack.pop()
    }

    fn pop_mark(&mut self) -> Option<Vec<Id>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn put(&mut self, code: u8) -> Option<()> {
        let number = match code {
            0x94 => u32::try_from(self.memo.len()).ok()?,
            code => self.memo_number(code)?,
        };
        self.memo.insert(number, *self.stack.last()?);
        Some(())
    }

    fn get(&mut self, code: u8) -> Option<()> {
        let number = self.memo_number(code)?;
        self.stack.push(*self.memo.get(&number)?);
        (self.stack.len() <= MAX_VALUES).then_some(())
    }

    fn memo_number(&mut self, code: u8) -> Option<u32> {
        match code {
            b'q' | b'h' => self.take().map(|[number]| u32::from(number)),
            b'r' | b'j' => self.take().map(u32::from_le_bytes),
            _ => std::str::from_utf8(self.line()?).ok()?.parse().ok(),
        }
    }

    fn class(&mut self, code: u8) -> Option<()> {
        let name = if code == b'c' {
            let (module, name) = (self.line()?, self.line()?);
            format!("{} {}", String::from_utf8_lossy(module), String::from_utf8_lossy(name))
        } else {
            let (name, module) = (self.pop()?, self.pop()?);
            match (self.values.get(module)?, self.values.get(name)?) {
                (Value::Text(module), Value::Text(name)) => format!("{module} {name}"),
                _ => return None,
            }
        };
        if name.len() > MAX_NAME {
            return None;
        }
        self.push(Value::Class(name))
    }

    fn items(&mut self, code: u8) -> Option<()> {
        let items = match code {
            b't' | b'l' | 0x91 => self.pop_mark()?,
            code => {
                let len = usize::from(code - 0x84);
                self.stack.split_off(self.stack.len().checked_sub(len)?)
            }
        };
        self.push(Value::Items(items))
    }

    /// Put entries into the list or dictionary below them; other objects keep theirs to
    /// themselves.
    fn add(&mut self, code: u8) -> Option<()> {
        let new = match code {
            b's' => self.stack.split_off(self.stack.len().checked_sub(2)?),
            b'a' => vec![self.pop()?],
            _ => self.pop_mark()?,
        };
        match self.values.get_mut(*self.stack.last()?)? {
            Value::Dict(entries) => entries.extend(pairs(&new)),
            Value::Items(items) => items.extend(new),
            _ => {}
        }
        Some(())
    }

    fn storage(&mut self) -> Option<()> {
        let id = self.pop()?;
        let storage = self.storage_of(id).map(|storage| Value::Storage(Box::new(storage)));
        self.push(storage.unwrap_or(Value::Other))
    }

    /// `('storage', class, key, location, length[, view])`
    fn storage_of(&self, id: Id) -> Option<Storage> {
        let Value::Items(fields) = self.values.get(id)? else { return None };
        let [_, class, key, _, len, ..] = fields.as_slice() else { return None };
        let key = match self.values.get(*key)? {
            Value::Text(key) if key.len() <= MAX_NAME => key.clone(),
            Value::Int(key) => key.to_string(),
            _ => return None,
        };
        let (Value::Class(class), Value::Int(len)) =
            (self.values.get(*class)?, self.values.get(*len)?)
        else {
            return None;
        };
        Some(Storage { key, dtype: dtype_of(class)?, len: usize::try_from(*len).ok()? })
    }

    /// What is known of a call: the few that build tensors and dictionaries.
    fn call(&mut self, code: u8) -> Option<()> {
        if code == 0x92 {
            self.pop()?;
        }
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let made = match (self.values.get(callable)?, self.values.get(arguments)?) {
            (Value::Class(name), Value::Items(arguments)) => match name.as_str() {
                "collections OrderedDict" => Made::New(Value::Dict(Vec::new())),
                "torch._utils _rebuild_tensor_v2" | "torch._utils _rebuild_tensor" => {
                    Made::New(self.tensor(arguments).unwrap_or(Value::Other))
                }
                "torch._utils _rebuild_parameter" => Made::Old(*arguments.first()?),
                _ => Made::New(Value::Other),
            },
            _ => Made::New(Value::Other),
        };
        match made {
            Made::New(value) => self.push(value),
            Made::Old(id) => {
                self.stack.push(id);
                Some(())
            }
        }
    }

    /// `(storage, offset, shape, strides, …)`
    fn tensor(&self, arguments: &[Id]) -> Option<Value> {
        let [storage, offset, shape, strides, ..] = arguments else { return None };
        let Value::Storage(storage) = self.values.get(*storage)? else { return None };
        let number = |id: Id| match self.values.get(id)? {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        };
        let numbers = |id: Id| match self.values.get(id)? {
            Value::Items(items) if items.len() <= MAX_RANK => {
                items.iter().map(|item| number(*item)).collect()
            }
            _ => None,
        };
        Some(Value::Tensor(Box::new(Place {
            storage: storage.as_ref().clone(),
            offset: number(*offset)?,
            shape: numbers(*shape)?,
            strides: numbers(*strides)?,
        })))
    }

    fn constant(&mut self, code: u8) -> Option<()> {
        let value = match code {
            b'N' => Value::Other,
            0x88 => Value::Int(1),
            0x89 => Value::Int(0),
            b'K' => Value::Int(i64::from(self.take::<1>().map(u8::from_le_bytes)?)),
            b'M' => Value::Int(i64::from(self.take().map(u16::from_le_bytes)?)),
            b'J' => Value::Int(i64::from(self.take().map(i32::from_le_bytes)?)),
            0x8a => long(self.counted::<1>()?),
            0x8b => long(self.counted::<4>()?),
            b'I' | b'L' | b'F' | b'V' | b'S' => {
                self.line()?;
                Value::Other
            }
            b'G' => {
                self.slice(8)?;
                Value::Other
            }
            b'X' => text(self.counted::<4>()?)?,
            0x8c => text(self.counted::<1>()?)?,
            0x8d => text(self.counted::<8>()?)?,
            b'U' => text(self.counted::<1>()?).unwrap_or(Value::Other),
            b'T' => text(self.counted::<4>()?).unwrap_or(Value::Other),
            b'C' => {
                self.counted::<1>()?;
                Value::Other
            }
            b'B' => {
                self.counted::<4>()?;
                Value::Other
            }
            0x8e => {
                self.counted::<8>()?;
                Value::Other
            }
            b')' | b']' | 0x8f => Value::Items(Vec::new()),
            b'}' => Value::Dict(Vec::new()),
            _ => return None,
        };
        self.push(value)
    }
}

/// What a call gives.
enum Made {
    New(Value),
    /// One of its arguments.
    Old(Id),
}

fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)).collect()
}

fn text(bytes: &[u8]) -> Option<Value> {
    std::str::from_utf8(bytes).ok().map(|text| Value::Text(text.to_owned()))
}

/// A whole number of as many bytes as it takes, little-endian, in two's complement.
fn long(bytes: &[u8]) -> Value {
    let is_negative = bytes.last().is_some_and(|last| *last >= 0x80);
    let mut number = if is_negative { [0xff; 8] } else { [0; 8] };
    match number.get_mut(..bytes.len()) {
        Some(place) => {
            place.copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(number))
        }
        None => Value::Other,
    }
}

fn dtype_of(class: &str) -> Option<FileDtype> {
    Some(match class.rsplit(' ').next()? {
        "DoubleStorage" => FileDtype::F64,
        "FloatStorage" => FileDtype::F32,
        "HalfStorage" => FileDtype::F16,
        "BFloat16Storage" => FileDtype::Bf16,
        "LongStorage" => FileDtype::Other { size: 8 },
        "IntStorage" => FileDtype::Other { size: 4 },
        "ShortStorage" => FileDtype::Other { size: 2 },
        "CharStorage" | "ByteStorage" | "BoolStorage" => FileDtype::Other { size: 1 },
        _ => return None,
    })
}
