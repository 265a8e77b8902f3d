//! Small marked surfaces: badges, thumbnails, the chip of a picture that goes with a question.

use egui::{
    Color32, CornerRadius, Frame, Margin, Rect, Response, RichText, Sense, Stroke, TextureHandle,
    Ui, vec2,
};

use super::super::theme;

/// A word or two in a tinted pill.
pub(crate) fn badge_ui(ui: &mut Ui, text: &str, color: Color32) -> Response {
    Frame::new()
        .fill(theme::wash(ui, color, 0.16))
        .corner_radius(CornerRadius::same(4))
        .inner_margin(Margin::symmetric(6, 1))
        .show(ui, |ui| ui.label(RichText::new(text).size(10.5).color(color)))
        .response
}

/// A picture fitted into a black square.
pub(crate) fn thumbnail_ui(ui: &mut Ui, texture: Option<&TextureHandle>, side: f32) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(side, side), Sense::hover());
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, CornerRadius::same(4), theme::VIEWPORT);
    if let Some(texture) = texture {
        let size = texture.size_vec2();
        let size = size * (side / size.max_elem());
        let uv = Rect::from_min_max(egui::Pos2::ZERO, egui::pos2(1.0, 1.0));
        painter.image(
            texture.id(),
            Rect::from_center_size(rect.center(), size),
            uv,
            Color32::WHITE,
        );
    }
    response
}

/// A picture that goes, or went, with a question.
pub(crate) fn evidence_chip_ui(
    ui: &mut Ui,
    texture: Option<&TextureHandle>,
    label: &str,
    name: &str,
) -> Response {
    let palette = theme::palette(ui);
    let inner = Frame::new()
        .fill(palette.panel)
        .stroke(Stroke::new(1.0, palette.line))
        .corner_radius(CornerRadius::same(theme::RADIUS))
        .inner_margin(Margin::same(4))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                thumbnail_ui(ui, texture, 40.0);
                ui.add_space(-2.0);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 1.0;
                    ui.add_space(3.0);
                    for (idx, part) in label.splitn(2, " · ").enumerate() {
                        let color = if idx == 0 { palette.text } else { palette.faint };
                        let text = RichText::new(part).size(11.5).color(color);
                        ui.add(egui::Label::new(text).selectable(false).truncate());
                    }
                });
            });
        });
    let response =
        ui.interact(inner.response.rect, ui.scope_id().with((name, label)), Sense::click());
    if response.hovered() {
        let rect = response.rect;
        let stroke = Stroke::new(1.0, palette.accent);
        let radius = CornerRadius::same(theme::RADIUS);
        ui.painter().rect_stroke(rect, radius, stroke, egui::StrokeKind::Inside);
    }
    let name = name.to_owned();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
    response
}
