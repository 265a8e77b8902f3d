//! When a command can be asked for, and what it makes room for.

use egui::{Key, KeyboardShortcut};

use super::command::Command;
use super::pictures::PictureScope;
use super::state::{AppState, Sheet};

impl Command {
    /// Whether it would do anything now.
    pub fn is_enabled(&self, state: &AppState) -> bool {
        self.is_enabled_on_pictures(state).unwrap_or_else(|| self.is_enabled_elsewhere(state))
    }

    /// Of what works on pictures and viewports; none for all else.
    fn is_enabled_on_pictures(&self, state: &AppState) -> Option<bool> {
        Some(match self {
            Self::CloseActiveStudy => {
                state.active_viewport().place.is_some() && !state.is_showing_results()
            }
            Self::StepFrame(_)
            | Self::FirstFrame
            | Self::LastFrame
            | Self::StepSeries(_)
            | Self::PresetKey(_)
            | Self::ZoomBy(_)
            | Self::Fit
            | Self::ActualSize
            | Self::Invert
            | Self::SetColorMap(_)
            | Self::FlipHorizontal
            | Self::FlipVertical
            | Self::Rotate(_)
            | Self::SetTool(_)
            | Self::ResetView => state.active_viewport().place.is_some() && state.has_viewports(),
            Self::ToggleKeyImage => state.can_star(),
            Self::StepKeyImage(_) | Self::ExportKeyImages => {
                state.has_viewports() && !state.key_images_shown().is_empty()
            }
            Self::TogglePlanes => {
                state.shows_planes() && state.has_viewports()
                    || state.cannot_show_planes().is_none()
            }
            Self::SetProjection(_) | Self::SetSlabThickness(_) => state.has_viewports(),
            Self::ToggleEye => {
                let has_view = state.active_viewport().place.is_some() && state.has_viewports();
                has_view || state.is_looking_at_evidence()
            }
            Self::ToggleSheet(Sheet::Tags)
            | Self::CopyTags
            | Self::ExportDocument(_)
            | Self::ToggleSegments
            | Self::DropPresentation => state.can_do_inside(self),
            Self::ExportDeidentified => state.can_deidentify(),
            Self::ExportView => state.has_pictures(PictureScope::View),
            Self::ExportSeries => state.has_pictures(PictureScope::Series),
            Self::ExportKeyPictures => state.has_pictures(PictureScope::KeyImages),
            Self::SaveEye | Self::CopyEyeFacts => state.eye_shown().is_some(),
            Self::DeleteSelected => {
                state.measurements.selected().is_some() && state.has_viewports()
            }
            Self::EditText(None) => {
                let selected = state.measurements.selected();
                let item = selected.and_then(|id| state.measurements.get(id));
                item.is_some_and(|item| item.shape.kind().has_text()) && state.has_viewports()
            }
            Self::ZoomAsk | Self::MarkAsk => state.selected_region().is_some(),
            Self::AskSlices => state.cannot_ask_slices().is_none(),
            Self::EraseAsk => state.cannot_erase().is_none(),
            Self::CopyMeasurements | Self::ExportMeasurements => state.has_measurements(),
            Self::ToggleCine | Self::ChangeCineRate { .. } => {
                state.num_frames() > 1 && state.has_viewports()
            }
            Self::ToggleLink => state.viewports.len() > 1 && state.has_viewports(),
            Self::SetViewports(_) | Self::CycleOverlays => state.has_viewports(),
            Self::Undo => state.active_viewport().can_undo() && state.has_viewports(),
            Self::Redo => state.active_viewport().can_redo() && state.has_viewports(),
            _ => return None,
        })
    }

    fn is_enabled_elsewhere(&self, state: &AppState) -> bool {
        match self {
            Self::Reconstruct { .. } => state.cannot_reconstruct().is_none(),
            Self::CloseComparison => state.is_comparing(),
            Self::SaveDrawn(what) => state.can_save(*what),
            Self::StopAnswer => state.engine.asking.is_some(),
            Self::RegenerateLast => {
                state.engine.asking.is_none() && !state.conversation().turns.is_empty()
            }
            Self::ExportPresets => !state.settings.presets.is_empty(),
            Self::AskSideAgain(at) => {
                state.sides.columns.get(*at).is_some_and(|column| column.request.is_some())
            }
            Self::UnloadModel => state.engine.is_loaded(),
            Self::CancelLoad => state.engine.is_loading(),
            Self::UseAuthorDefaults => state.engine.is_loaded(),
            Self::AddEvaluation | Self::ReadEvaluationAgain => state.results.evaluation.is_some(),
            Self::ToggleResults(screen) => state.results.has(*screen),
            // the panels make room for these screens
            Self::ToggleLeftPanel | Self::ToggleChatPanel => !state.is_showing_results(),
            Self::ClearRecent => !state.settings.recent.is_empty(),
            Self::NewChat
            | Self::NewChatSamePicture
            | Self::ExportChat(_)
            | Self::FindInChat
            | Self::RenameShownChat => !state.conversation().turns.is_empty(),
            Self::OpenModelsFolder => state.models_dir().is_some(),
            _ => true,
        }
    }

    /// Whether it shows something in a viewport, or another chat: a comparison makes room.
    pub(crate) fn leads_to_viewports(&self) -> bool {
        matches!(
            self,
            Self::OpenPaths(_)
                | Self::OpenSample
                | Self::ShowSeries { .. }
                | Self::ShowMeasurement(_)
                | Self::ShowKeyImage(_)
                | Self::ShowReferenced(_)
                | Self::GoToEvidence { .. }
                | Self::NewChat
                | Self::NewChatSamePicture
                | Self::OpenChat(_)
                | Self::OpenHit { .. }
        )
    }

    /// Whether it works on viewports or chats, which trainings and evaluations make room for.
    pub(crate) fn leaves_results(&self) -> bool {
        matches!(
            self,
            Self::ShowSeries { .. }
                | Self::GoToEvidence { .. }
                | Self::NewChat
                | Self::NewChatSamePicture
                | Self::OpenChat(_)
                | Self::OpenHit { .. }
                | Self::RenameShownChat
                | Self::SearchAllChats
                | Self::FindInChat
                | Self::AskAboutView
                | Self::LookAtEvidence { .. }
                | Self::ShowTab(_)
                | Self::Reconstruct { .. }
                | Self::OpenComparison(_)
                | Self::OpenSides(_)
        )
    }

    /// Whether its key is a bare one, which belongs to text fields while one is in use.
    pub(crate) fn key_is_bare(keys: &KeyboardShortcut) -> bool {
        !keys.modifiers.command && !matches!(keys.logical_key, Key::F1 | Key::F2 | Key::F11)
    }
}
