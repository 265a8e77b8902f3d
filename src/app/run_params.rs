//! What commands about parameters and presets do to the state.

use super::command::Command;
use super::effect::Effect;
use super::notices::NoticeLevel;
use super::presets_file::presets_json;
use super::settings::Preset;
use super::state::AppState;

impl AppState {
    pub(crate) fn run_params(&mut self, command: Command) -> Option<Command> {
        match command {
            Command::SetSampling(sampling) => self.settings.sampling = sampling,
            Command::SetSystemPrompt(system) => self.set_system_prompt(system),
            Command::SavePreset(name) => self.save_preset(&name),
            Command::UsePreset(name) => self.use_preset(&name),
            Command::DeletePreset(name) => {
                self.settings.presets.retain(|preset| preset.name != name);
            }
            Command::ExportPresets => {
                let text = presets_json(&self.settings.presets);
                let text = text.map(|text| Effect::PickPlaceForPresets(text.into()));
                self.effects.extend(text);
            }
            Command::ImportPresets => self.effects.push(Effect::PickPresets),
            Command::UseAuthorDefaults => self.use_author_defaults(),
            other => return Some(other),
        }
        None
    }

    /// What the reader put in place of the loaded model's own system prompt.
    pub(crate) fn system_prompt(&self) -> Option<String> {
        let info = self.engine.info().filter(|info| info.system_prompt.is_some())?;
        self.settings.system_prompts.get(&info.family).cloned()
    }

    fn set_system_prompt(&mut self, system: Option<String>) {
        let Some(info) = self.engine.info() else { return };
        let own = info.system_prompt.as_deref();
        let (family, prompts) = (info.family.clone(), &mut self.settings.system_prompts);
        match system.filter(|system| Some(system.as_str()) != own) {
            Some(system) => prompts.insert(family, system),
            None => prompts.remove(&family),
        };
    }

    fn save_preset(&mut self, name: &str) {
        let name = name.trim().to_owned();
        if name.is_empty() {
            return;
        }
        let (system, sampling) = (self.system_prompt(), self.settings.sampling.clone());
        let presets = &mut self.settings.presets;
        presets.retain(|preset| preset.name != name);
        presets.push(Preset { name, system, sampling });
        presets.sort_by_key(|preset| preset.name.to_lowercase());
    }

    fn use_preset(&mut self, name: &str) {
        let preset = self.settings.presets.iter().find(|preset| preset.name == name).cloned();
        if let Some(Preset { system, sampling, .. }) = preset {
            self.settings.sampling = sampling;
            self.set_system_prompt(system);
        }
    }

    pub(crate) fn apply_presets_written(&mut self, written: Result<(), String>) {
        match written {
            Ok(()) => self.notices.push(NoticeLevel::Ok, "The presets are exported"),
            Err(why) => {
                let text = format!("The presets could not be exported: {why}");
                self.notices.push(NoticeLevel::Error, text)
            }
        };
    }

    /// Those of the same name are replaced.
    pub(crate) fn apply_presets_read(&mut self, read: Result<Vec<Preset>, String>) {
        let taken = match read {
            Ok(taken) => taken,
            Err(why) => {
                self.notices.push(NoticeLevel::Error, why);
                return;
            }
        };
        let text = match taken.len() {
            1 => "1 preset was taken in".to_owned(),
            count => format!("{count} presets were taken in"),
        };
        let presets = &mut self.settings.presets;
        for preset in taken {
            presets.retain(|one| one.name != preset.name);
            presets.push(preset);
        }
        presets.sort_by_key(|preset| preset.name.to_lowercase());
        self.notices.push(NoticeLevel::Ok, text);
    }

    fn use_author_defaults(&mut self) {
        let Some(name) = self.engine.info().map(|info| info.family.clone()) else { return };
        if let Some(spec) = self.models.iter().find(|spec| spec.family.as_str() == name) {
            let (params, max_new_tokens) = spec.author_defaults();
            self.settings.sampling.take_over(&params, max_new_tokens);
        }
        self.set_system_prompt(None);
    }

    /// Another seed for the next answer, unless it is to stay.
    pub(crate) fn vary_seed(&mut self) {
        let sampling = &mut self.settings.sampling;
        if !sampling.deterministic && !sampling.seed_locked {
            sampling.next_seed();
        }
    }
}
