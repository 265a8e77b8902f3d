//! Models side by side stay in memory together where there is room for all of them.

use super::super::effect::Effect;
use super::super::engine_state::{KeptModel, Loading, ModelStatus};
use super::super::notices::NoticeLevel;
use super::super::state::AppState;
use crate::vlm::{DeviceInfo, MemoryNeed, ModelInfo, PrecisionChoice, likely_precision};
use crate::worker::LoadRequest;

impl AppState {
    /// What the models in memory hold of a device's, in bytes: their weights.
    pub(crate) fn held_bytes(&self, device: &DeviceInfo) -> u64 {
        let needs = self.in_memory().filter_map(|(request, info)| {
            Some(self.need_as_loaded(request, info, device)?.weights_bytes)
        });
        needs.sum()
    }

    /// The device with all that our models hold counted as free.
    pub(crate) fn device_without_models(&self) -> Option<DeviceInfo> {
        let mut device = self.engine.device_info.clone()?;
        let free = device.free_bytes.map(|free| free.saturating_add(self.engine.held_at_probe));
        device.free_bytes = match (free, device.memory_bytes) {
            (Some(free), Some(all)) => Some(free.min(all)),
            (free, _) => free,
        };
        Some(device)
    }

    /// Models that hold memory.
    fn in_memory(&self) -> impl Iterator<Item = (&LoadRequest, &ModelInfo)> {
        let asked = match &self.engine.model {
            ModelStatus::Ready(info) => self.engine.last_request.as_ref().zip(Some(info)),
            _ => None,
        };
        asked.into_iter().chain(self.engine.kept.iter().map(|kept| (&kept.request, &kept.info)))
    }

    fn needs(&self, request: &LoadRequest, device: &DeviceInfo) -> Vec<MemoryNeed> {
        let spec = self.models.iter().find(|spec| spec.path == request.model);
        let needs = spec.map(|spec| spec.memory_needs(spec.usual_context(), device));
        needs.unwrap_or_default()
    }

    fn need_as_loaded(
        &self,
        request: &LoadRequest,
        info: &ModelInfo,
        device: &DeviceInfo,
    ) -> Option<MemoryNeed> {
        let needs = self.needs(request, device);
        let is_here = info.device == device.label;
        needs.into_iter().find(|need| is_here && need.precision.as_str() == info.precision)
    }

    /// How a model is loaded beside those in memory, in the precision it would have alone; `None`
    /// where there is no room for all, or nobody knows.
    fn request_beside(&self, request: &LoadRequest) -> Option<LoadRequest> {
        let device = self.device_without_models()?;
        let needs = self.needs(request, &device);
        let own = likely_precision(request.precision, &needs, &device)?;
        let mut total = own.total_bytes();
        let mut headroom = own.headroom_bytes;
        for (loaded, info) in self.in_memory() {
            // one that is computed elsewhere, or is not known, is not reckoned with
            let need = self.need_as_loaded(loaded, info, &device)?;
            total = total.saturating_add(need.total_bytes());
            headroom = headroom.max(need.headroom_bytes);
        }
        let fits = total.saturating_add(headroom) <= device.free_bytes?;
        let precision = PrecisionChoice::Exactly(own.precision);
        fits.then(|| LoadRequest { precision, ..request.clone() })
    }

    /// The model of a request answers from now on, if it is in memory.
    pub(super) fn bring_forward(&mut self, request: &LoadRequest) -> bool {
        let mut kept = self.engine.kept.iter();
        let Some(at) = kept.position(|one| one.request.model == request.model) else {
            return false;
        };
        let next = self.engine.kept.swap_remove(at);
        self.keep_asked();
        self.engine.ahead = None;
        self.engine.last_request = Some(next.request.clone());
        self.engine.model = ModelStatus::Ready(next.info);
        self.effects.push(Effect::BringForward(next.request));
        true
    }

    /// Loads the model of a request, beside the others where they go together.
    pub(super) fn load_for_side(&mut self, request: LoadRequest) {
        let is_loaded = self.engine.is_loaded();
        match self.request_beside(&request).filter(|_| is_loaded) {
            Some(request) => {
                self.keep_asked();
                let job = self.begin_load(&request, true);
                self.effects.push(Effect::LoadBeside(job, request));
            }
            None => self.load_model(request),
        }
    }

    fn keep_asked(&mut self) {
        let request = self.engine.last_request.clone();
        if let (ModelStatus::Ready(info), Some(request)) = (&self.engine.model, request) {
            let info = info.clone();
            self.engine.kept.push(KeptModel { request, info });
        }
    }

    /// A model that could not be loaded beside others is loaded in their place; false where it had
    /// no others beside it.
    pub(crate) fn load_alone(&mut self) -> bool {
        let ModelStatus::Loading(Loading { is_beside: true, cancelled, .. }) = self.engine.model
        else {
            return false;
        };
        self.release_kept();
        let request = self.sides.asked.as_ref().map(|asked| asked.request.clone());
        let Some(request) = request.filter(|_| !cancelled) else { return false };
        let text = "There was no room for the models together: they are loaded one after the other";
        self.notices.push(NoticeLevel::Warn, text);
        self.load_model(request);
        true
    }

    /// Nothing is kept once the answers are not looked at any more.
    pub(super) fn release_kept(&mut self) {
        if !self.engine.kept.is_empty() {
            self.engine.kept.clear();
            self.effects.push(Effect::ReleaseKept);
        }
    }
}
