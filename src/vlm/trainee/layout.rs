//! Where everything of a finished model goes: what was not taught is copied byte for byte.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::checkpoint::WeightFiles;
use crate::nn::HLoraConfig;
use crate::vlm::codec::Codec;
use crate::vlm::config::config_error;
use crate::vlm::delta::copy_small_files;
use crate::vlm::parts::{
    GENERATION, PROJECTOR, PUBLISHED_TOWER, PUBLISHED_VQGAN, PartKind, VISION_PREFIX, adapter_in,
    published_base,
};
use crate::vlm::trainee::{EMBEDDING, HEAD, Trainee};
use crate::vlm::{ModelError, TensorShape};

/// Before every name of a published adapter file.
const WRAPPED: &str = "base_model.model.";
const ROOM: &str = "reading-room.toml";

/// A weight file that is still to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightFile {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name; shards with their index when there is none.
    pub name: Option<&'static str>,
    /// Its tensors: the name in the file, and the one in training.
    pub tensors: Vec<(String, String)>,
}

/// Of the files beside a model's folder, which part a tensor is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Base,
    Tower,
    Questions,
    Drawing,
    Fusion,
}

impl Home {
    fn of(name: &str) -> Self {
        let own = name.strip_prefix(GENERATION);
        match own.unwrap_or(name) {
            own_name if own.is_some() && [EMBEDDING, HEAD].contains(&own_name) => Self::Fusion,
            _ if own.is_some() => Self::Drawing,
            _ if name.contains(".lora_") || name.starts_with(PROJECTOR) => Self::Questions,
            _ if name.starts_with(VISION_PREFIX) => Self::Tower,
            _ => Self::Base,
        }
    }

    fn name_in_file(self, name: &str) -> String {
        let own = name.strip_prefix(GENERATION).unwrap_or(name);
        match self {
            Self::Base => own.to_owned(),
            Self::Tower => own.replacen(VISION_PREFIX, "vision_model.", 1),
            Self::Questions | Self::Drawing | Self::Fusion => format!("{WRAPPED}{own}"),
        }
    }
}

/// The folders of HealthGPT while they are filled.
struct Layout<'a> {
    trainee: &'a Trainee,
    to: &'a Path,
    tensors: &'a [TensorShape],
    is_changed: &'a dyn Fn(&str) -> bool,
    /// What the new folder says about itself.
    room: Table,
    /// What is still to be written.
    files: Vec<WeightFile>,
}

impl Layout<'_> {
    /// Base, tower and the base's projector in one folder.
    fn whole_model(&mut self) -> Result<(), ModelError> {
        self.trainee.copy_files(self.to)?;
        if !self.is_written(Home::Base, self.to, None) {
            let parts = self.trainee.parts.weights.iter();
            let own = parts.filter(|part| part.kind == PartKind::Model);
            own.map(|part| &part.files).try_for_each(|files| copy_weights(files, self.to))?;
        }
        Ok(())
    }

    fn home_of(&self, name: &str) -> Home {
        let is_whole = !self.trainee.family.has_hlora();
        match Home::of(name) {
            Home::Tower if is_whole => Home::Base,
            Home::Questions if is_whole && self.trainee.parts.adapter.is_none() => Home::Base,
            home => home,
        }
    }

    fn base_and_tower(&mut self) -> Result<(), ModelError> {
        copy_small_files(&self.trainee.folder, self.to)?;
        let (base, parts) = (published_base(self.trainee.family), &self.trainee.parts);
        let tower = parts.tower.as_ref().and_then(|tower| tower.folder.as_ref());
        for (home, kind, key, name, from) in [
            (Home::Base, PartKind::Model, "base", base, Some(&parts.language)),
            (Home::Tower, PartKind::Tower, "vision", PUBLISHED_TOWER, tower),
        ] {
            let (Some(from), target) = (from, self.to.join(name)) else { continue };
            make(&target)?;
            copy_small_files(from, &target)?;
            if !self.is_written(home, &target, None) {
                let parts = parts.weights.iter().filter(|part| part.kind == kind);
                parts.map(|part| &part.files).try_for_each(|files| copy_weights(files, &target))?;
            }
            self.put(key, name);
        }
        Ok(())
    }

    fn adapters(&mut self) -> Result<(), ModelError> {
        let (told, config) = (&self.trainee.parts.told, &self.trainee.config);
        let drawing = config.generation.as_ref().map(|generation| generation.hlora);
        for (home, key, told, hlora, stem, new) in [
            (
                Home::Questions,
                "comprehension",
                &told.comprehension.weights,
                config.hlora,
                "com_hlora_weights",
                "com_hlora_weights.safetensors",
            ),
            (
                Home::Drawing,
                "generation",
                &told.generation.weights,
                drawing,
                "gen_hlora_weights",
                "gen_hlora_weights.safetensors",
            ),
        ] {
            if self.is_written(home, self.to, Some(new)) {
                put_adapter(&mut self.room, key, new, hlora);
            } else if let Some(name) = self.copied(told.as_ref(), stem)? {
                put_weights(&mut self.room, key, &name);
            }
        }
        Ok(())
    }

    fn fusion_and_codec(&mut self) -> Result<(), ModelError> {
        let new = "fusion_layer_weights.safetensors";
        let told = self.trainee.parts.told.fusion.as_ref();
        if self.is_written(Home::Fusion, self.to, Some(new)) {
            self.put("fusion", new);
        } else if let Some(name) = self.copied(told, "fusion_layer_weights")? {
            self.put("fusion", &name);
        }
        let Some(generation) = &self.trainee.parts.generation else { return Ok(()) };
        let target = self.to.join(PUBLISHED_VQGAN);
        make(&target)?;
        for file in Codec::files(&generation.vqgan) {
            copy_file(&file, &target)?;
        }
        self.put("vqgan", PUBLISHED_VQGAN);
        Ok(())
    }

    /// Whether a file has to be written anew, which is noted.
    fn is_written(&mut self, home: Home, folder: &Path, name: Option<&'static str>) -> bool {
        let of_home = self.tensors.iter().filter(|one| self.home_of(&one.name) == home);
        let names: Vec<&String> = of_home.map(|one| &one.name).collect();
        if !names.iter().any(|name| (self.is_changed)(name)) {
            return false;
        }
        let named = |name: &&String| (home.name_in_file(name), (*name).clone());
        let tensors = names.iter().map(named).collect();
        self.files.push(WeightFile { folder: folder.to_owned(), name, tensors });
        true
    }

    /// The name of a file of a task, when there is one and it was copied.
    fn copied(&self, told: Option<&String>, stem: &str) -> Result<Option<String>, ModelError> {
        let folder = &self.trainee.folder;
        let name = told.cloned().or_else(|| adapter_in(folder, stem));
        name.map_or(Ok(None), |name| copy_file(&folder.join(name), self.to))
    }

    fn put(&mut self, key: &str, value: &str) {
        put(&mut self.room, key, value);
    }
}

impl Trainee {
    /// Copy all that is not weights, and the weight files none of whose tensors `is_changed`, into
    /// a new folder; gives the files that are to be written there.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn lay_out(
        &self,
        to: &Path,
        is_changed: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<WeightFile>, ModelError> {
        let tensors = self.tensors()?;
        let has_tasks = self.parts.has_adapter();
        if self.family.has_hlora() || has_tasks {
            return self.lay_out_parts(to, &tensors, is_changed);
        }
        self.copy_files(to)?;
        let names = tensors.into_iter().map(|one| one.name);
        let own = names.filter(|name| !name.contains(".lora_"));
        let tensors = own.map(|name| (name.clone(), name)).collect();
        Ok(vec![WeightFile { folder: to.to_owned(), name: None, tensors }])
    }

    /// HealthGPT: the folders that are published side by side, inside the model's.
    fn lay_out_parts(
        &self,
        to: &Path,
        tensors: &[TensorShape],
        is_changed: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<WeightFile>, ModelError> {
        let (room, files) = (self.room()?, Vec::new());
        let mut layout = Layout { trainee: self, to, tensors, is_changed, room, files };
        match self.family.has_hlora() {
            true => layout.base_and_tower()?,
            false => layout.whole_model()?,
        }
        layout.adapters()?;
        layout.fusion_and_codec()?;
        layout.put("family", self.family.as_str());
        let path = to.join(ROOM);
        std::fs::write(&path, layout.room.to_string())
            .map_err(|source| ModelError::Io { source, path })?;
        Ok(layout.files)
    }

    /// What the folder says about itself.
    fn room(&self) -> Result<Table, ModelError> {
        let path = self.folder.join(ROOM);
        if !path.is_file() {
            return Ok(Table::new());
        }
        let text =
            std::fs::read_to_string(&path).map_err(|source| ModelError::Io { source, path })?;
        text.parse()
            .map_err(|error: toml::de::Error| config_error(&self.folder, ROOM, &error.message()))
    }

    /// Everything but the weights.
    fn copy_files(&self, to: &Path) -> Result<(), ModelError> {
        copy_small_files(&self.folder, to)?;
        let told = self.folder.join("reading-room.toml");
        if told.is_file() {
            let copy = to.join("reading-room.toml");
            std::fs::copy(&told, &copy).map_err(|source| ModelError::Io { source, path: copy })?;
        }
        let Some(tower) = self.parts.tower.as_ref().and_then(|tower| tower.folder.as_ref()) else {
            return Ok(());
        };
        let Ok(inside) = tower.strip_prefix(&self.folder) else { return Ok(()) };
        let to = to.join(inside);
        std::fs::create_dir_all(&to)
            .map_err(|source| ModelError::Io { source, path: to.clone() })?;
        copy_small_files(tower, &to)
    }
}

fn put(table: &mut Table, key: &str, value: &str) {
    table.insert(key.to_owned(), Value::String(value.to_owned()));
}

/// The table of a task's adapter.
fn put_weights(room: &mut Table, key: &str, file: &str) {
    if let Value::Table(own) = room.entry(key).or_insert_with(|| Table::new().into()) {
        put(own, "weights", file);
    }
}

fn put_adapter(room: &mut Table, key: &str, file: &str, hlora: Option<HLoraConfig>) {
    put_weights(room, key, file);
    let (Some(Value::Table(own)), Some(hlora)) = (room.get_mut(key), hlora) else { return };
    own.insert("rank".to_owned(), Value::Integer(hlora.rank as i64));
    own.insert("experts".to_owned(), Value::Integer(hlora.experts as i64));
    own.insert("alpha".to_owned(), Value::Float(f64::from(hlora.alpha)));
}

fn make(folder: &Path) -> Result<(), ModelError> {
    std::fs::create_dir_all(folder)
        .map_err(|source| ModelError::Io { source, path: folder.to_owned() })
}

/// Its name, when it is there.
fn copy_file(file: &Path, to: &Path) -> Result<Option<String>, ModelError> {
    let Some(name) = file.file_name().filter(|_| file.is_file()) else { return Ok(None) };
    let target = to.join(name);
    std::fs::copy(file, &target).map_err(|source| ModelError::Io { source, path: target })?;
    Ok(Some(name.to_string_lossy().into_owned()))
}

/// Shards with their index.
fn copy_weights(files: &WeightFiles, to: &Path) -> Result<(), ModelError> {
    for file in &files.present {
        copy_file(file, to)?;
    }
    let first = files.present.first();
    let (Some(from), true) = (first.and_then(|file| file.parent()), files.present.len() > 1) else {
        return Ok(());
    };
    for index in ["model.safetensors.index.json", "pytorch_model.bin.index.json"] {
        copy_file(&from.join(index), to)?;
    }
    Ok(())
}
