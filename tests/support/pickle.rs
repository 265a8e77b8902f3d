//! Writes PyTorch files of both kinds, for tests that read them.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;

/// A tensor as stored.
#[derive(Clone)]
pub(crate) struct Stored {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: Vec<u8>,
}

impl Stored {
    fn storage(&self) -> (&'static str, usize) {
        match self.dtype {
            Dtype::BF16 => ("BFloat16Storage", 2),
            Dtype::F16 => ("HalfStorage", 2),
            Dtype::F32 => ("FloatStorage", 4),
            _ => ("LongStorage", 8),
        }
    }
}

/// Opcodes of a pickle, protocol 2.
struct Pickle(Vec<u8>);

impl Pickle {
    fn new() -> Self {
        Self(vec![0x80, 2])
    }

    fn global(&mut self, module: &str, name: &str) {
        self.0.extend(format!("c{module}\n{name}\n").bytes());
    }

    fn text(&mut self, text: &str) {
        self.0.push(b'X');
        self.0.extend((text.len() as u32).to_le_bytes());
        self.0.extend(text.bytes());
    }

    fn int(&mut self, value: usize) {
        self.0.push(b'J');
        self.0.extend((value as i32).to_le_bytes());
    }

    fn ints(&mut self, values: &[usize]) {
        self.0.push(b'(');
        values.iter().for_each(|value| self.int(*value));
        self.0.push(b't');
    }

    /// `torch._utils._rebuild_tensor_v2(storage, 0, shape, stride, False, OrderedDict())`
    fn tensor(&mut self, key: &str, stored: &Stored, legacy: bool) {
        let (storage, size) = stored.storage();
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.0.extend(b"((");
        self.text("storage");
        self.global("torch", storage);
        self.text(key);
        self.text("cpu");
        self.int(stored.bytes.len() / size);
        if legacy {
            self.0.push(b'N');
        }
        self.0.extend(b"tQ");
        self.int(0);
        self.ints(&stored.shape);
        let strides: Vec<usize> =
            (1..=stored.shape.len()).map(|at| stored.shape[at..].iter().product()).collect();
        self.ints(&strides);
        self.0.push(0x89);
        self.global("collections", "OrderedDict");
        self.0.extend(b")RtR");
    }

    fn state_dict(&mut self, tensors: &BTreeMap<String, Stored>, legacy: bool, code: Option<&str>) {
        self.0.extend(b"}(");
        for (key, (name, stored)) in tensors.iter().enumerate() {
            self.text(name);
            self.tensor(&key.to_string(), stored, legacy);
        }
        if let Some(command) = code {
            self.text("zz_extra");
            self.global("posix", "system");
            self.0.push(b'(');
            self.text(command);
            self.0.extend(b"tR");
        }
        self.0.extend(b"u.");
    }
}

pub(crate) fn write_legacy(path: &Path, tensors: &BTreeMap<String, Stored>) {
    // magic number, protocol version, system info, the object, the list of keys
    let mut file = vec![0x80, 2, 0x8a, 10];
    file.extend(0x1950_a86a_20f9_469c_fc6c_u128.to_le_bytes().get(..10).unwrap());
    file.push(b'.');
    file.extend([0x80, 2, b'M', 0xe9, 0x03, b'.']);
    let mut info = Pickle::new();
    info.0.extend(b"}(");
    info.text("protocol_version");
    info.int(1001);
    info.text("little_endian");
    info.0.push(0x88);
    info.0.extend(b"u.");
    file.extend(info.0);
    let mut object = Pickle::new();
    object.state_dict(tensors, true, None);
    file.extend(object.0);
    let mut keys = Pickle::new();
    keys.0.extend(b"](");
    (0..tensors.len()).for_each(|key| keys.text(&key.to_string()));
    keys.0.extend(b"e.");
    file.extend(keys.0);
    for stored in tensors.values() {
        file.extend((stored.bytes.len() as u64 / stored.storage().1 as u64).to_le_bytes());
        file.extend(&stored.bytes);
    }
    std::fs::write(path, file).unwrap();
}

/// With `code`, an object that would run a command if it were built.
pub(crate) fn write_zip(path: &Path, tensors: &BTreeMap<String, Stored>, code: Option<&str>) {
    let mut object = Pickle::new();
    object.state_dict(tensors, false, code);
    let mut entries = vec![
        ("archive/data.pkl".to_owned(), object.0),
        ("archive/version".to_owned(), b"3\n".to_vec()),
        ("archive/byteorder".to_owned(), b"little".to_vec()),
    ];
    for (key, stored) in tensors.values().enumerate() {
        entries.push((format!("archive/data/{key}"), stored.bytes.clone()));
    }
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in &entries {
        let offset = file.len() as u32;
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        common.extend(crc.sum().to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend(name.bytes());
        file.extend(bytes);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.bytes());
    }
    let start = file.len() as u32;
    let count = entries.len() as u16;
    let len = directory.len() as u32;
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend(len.to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0, 0]);
    std::fs::write(path, file).unwrap();
}
