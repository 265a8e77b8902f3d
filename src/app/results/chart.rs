//! A chart over the steps of a training, drawn by hand.

use egui::{
    Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Role, Sense, Shape, Stroke, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use super::super::theme;
use super::chart_scale::{Scale, mark, number, percent, percent_mark};

const LEFT: f32 = 52.0;
const BOTTOM: f32 = 20.0;
const TOP: f32 = 8.0;
const RIGHT: f32 = 10.0;

/// How a row of numbers is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Look {
    /// Behind the others: every number, faint.
    Faint,
    Line,
    /// Few numbers: each with a dot.
    Dots,
}

/// Numbers by step, in the order of the steps.
pub(super) struct Series<'a> {
    pub(super) name: &'static str,
    pub(super) points: &'a [(f64, f64)],
    pub(super) color: Color32,
    pub(super) look: Look,
}

/// What one chart shows.
pub(super) struct Chart<'a> {
    pub(super) title: &'static str,
    pub(super) series: &'a [Series<'a>],
    /// First and last step.
    pub(super) steps: (f64, f64),
    pub(super) is_log: bool,
    /// Numbers are shares of one, shown in percent.
    pub(super) is_share: bool,
    /// First steps of the stages after the first, with their names.
    pub(super) stages: &'a [(f64, &'a str)],
    /// The step under the pointer, in this chart or another.
    pub(super) pointed: Option<f64>,
}

impl Chart<'_> {
    /// A number as this chart writes it.
    pub(super) fn number(&self, value: f64) -> String {
        if self.is_share { percent(value) } else { number(value) }
    }

    fn scale(&self) -> Option<Scale> {
        let values = self.series.iter().flat_map(|series| series.within(self.steps));
        let values = values.map(|(_, y)| *y);
        if self.is_share {
            Scale::around_shares(values)
        } else {
            Scale::around(values, self.is_log)
        }
    }
}

/// What the reader did to a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    Points(f64),
    Zooms(f64, f64),
    ShowsAll,
}

impl Series<'_> {
    /// The number at a step, or the one before it.
    pub(super) fn at(&self, step: f64) -> Option<f64> {
        let after = self.points.partition_point(|(x, _)| *x <= step);
        Some(self.points.get(after.checked_sub(1)?)?.1)
    }

    fn within(&self, (first, last): (f64, f64)) -> &[(f64, f64)] {
        let from = self.points.partition_point(|(x, _)| *x < first).saturating_sub(1);
        let to = (self.points.partition_point(|(x, _)| *x <= last) + 1).min(self.points.len());
        self.points.get(from..to).unwrap_or_default()
    }
}

/// The chart in a rectangle of this size.
pub(super) fn chart_ui(ui: &mut Ui, size: Vec2, chart: &Chart<'_>) -> Option<Act> {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let said = spoken(chart);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &said));
    let plot = Rect::from_min_max(rect.min + vec2(LEFT, TOP), rect.max - vec2(RIGHT, BOTTOM));
    let across = Scale::exact(chart.steps.0, chart.steps.1);
    let Some(up) = chart.scale() else {
        let text = "No numbers yet";
        let font = FontId::proportional(12.0);
        ui.painter().text(plot.center(), Align2::CENTER_CENTER, text, font, palette.faint);
        return None;
    };
    let place = |x: f64, y: f64| {
        let (right, above) = (across.share(x) as f32, up.share(y).clamp(-0.5, 1.5) as f32);
        pos2(plot.left() + right * plot.width(), plot.bottom() - above * plot.height())
    };
    grid_ui(ui, chart, plot, &across, &up);
    let painter = ui.painter().with_clip_rect(plot.expand(1.0));
    for series in chart.series {
        series_ui(&painter, series, series.within(chart.steps), &place);
    }
    if let Some(step) = chart.pointed.filter(|step| (0.0..=1.0).contains(&across.share(*step))) {
        let x = place(step, up.value(0.5)).x;
        painter.vline(x, plot.y_range(), Stroke::new(1.0, palette.dim));
        for series in chart.series.iter().filter(|series| series.look != Look::Faint) {
            if let Some(y) = series.at(step) {
                painter.circle_filled(place(step, y), 3.0, series.color);
            }
        }
    }
    act(ui, &response, plot, &across)
}

fn spoken(chart: &Chart<'_>) -> String {
    let step = chart.pointed.unwrap_or(chart.steps.1);
    let numbers = chart.series.iter().filter_map(|series| {
        let value = series.at(step)?;
        Some(format!("{} {}", series.name, chart.number(value)))
    });
    let numbers: Vec<String> = numbers.collect();
    format!("{} at step {step:.0}: {}", chart.title, numbers.join(", "))
}

fn grid_ui(ui: &Ui, chart: &Chart<'_>, plot: Rect, across: &Scale, up: &Scale) {
    let palette = theme::palette(ui);
    let painter = ui.painter();
    let font = FontId::proportional(11.0);
    painter.rect_filled(plot, CornerRadius::same(3), palette.app);
    let line = Stroke::new(1.0, palette.line);
    for value in up.marks((plot.height() / 36.0).max(2.0) as usize) {
        let y = plot.bottom() - up.share(value) as f32 * plot.height();
        painter.hline(plot.x_range(), y, line);
        let text = if chart.is_share { percent_mark(value) } else { mark(value) };
        let at = pos2(plot.left() - 6.0, y);
        painter.text(at, Align2::RIGHT_CENTER, text, font.clone(), palette.faint);
    }
    for value in across.marks((plot.width() / 70.0).max(2.0) as usize) {
        if value.fract() != 0.0 {
            continue;
        }
        let x = plot.left() + across.share(value) as f32 * plot.width();
        painter.vline(x, plot.y_range(), line);
        let at = pos2(x, plot.bottom() + 4.0);
        painter.text(at, Align2::CENTER_TOP, format!("{value:.0}"), font.clone(), palette.faint);
    }
    for (step, name) in chart.stages {
        let share = across.share(*step) as f32;
        if !(0.0..=1.0).contains(&share) {
            continue;
        }
        let x = plot.left() + share * plot.width();
        let ends = [pos2(x, plot.top()), pos2(x, plot.bottom())];
        let stroke = Stroke::new(1.0, palette.warn);
        painter.extend(Shape::dashed_line(&ends, stroke, 4.0, 4.0));
        let align = if share > 0.8 { Align2::RIGHT_TOP } else { Align2::LEFT_TOP };
        let beside = if share > 0.8 { -4.0 } else { 4.0 };
        let at = pos2(x + beside, plot.top() + 2.0);
        painter.text(at, align, *name, font.clone(), palette.warn);
    }
}

fn series_ui(
    painter: &Painter,
    series: &Series<'_>,
    points: &[(f64, f64)],
    place: &impl Fn(f64, f64) -> Pos2,
) {
    let (color, width) = match series.look {
        Look::Faint => (theme::faded(series.color, 0.35), 1.0),
        Look::Line => (series.color, 1.8),
        Look::Dots => (series.color, 1.5),
    };
    let places: Vec<Pos2> = points.iter().map(|(x, y)| place(*x, *y)).collect();
    let few = places.len() < 120;
    if (series.look == Look::Dots && few) || places.len() == 1 {
        for at in &places {
            painter.circle_filled(*at, 2.5, color);
        }
    }
    painter.add(Shape::line(thinned(&places), Stroke::new(width, color)));
}

/// Of all points that fall on one column of the screen, the first, the lowest, the highest and
/// the last: the line looks the same.
fn thinned(places: &[Pos2]) -> Vec<Pos2> {
    let mut kept: Vec<Pos2> = Vec::new();
    for column in places.chunk_by(|a, b| a.x.floor() == b.x.floor()) {
        let lowest = column.iter().min_by(|a, b| a.y.total_cmp(&b.y));
        let highest = column.iter().max_by(|a, b| a.y.total_cmp(&b.y));
        if column.len() < 5 {
            kept.extend(column);
        } else {
            kept.extend([column.first(), lowest, highest, column.last()].into_iter().flatten());
        }
    }
    kept
}

fn act(ui: &Ui, response: &egui::Response, plot: Rect, across: &Scale) -> Option<Act> {
    let step = |x: f32| across.value(f64::from((x - plot.left()) / plot.width()).clamp(0.0, 1.0));
    if response.double_clicked() {
        return Some(Act::ShowsAll);
    }
    let began = ui.input(|i| i.pointer.press_origin());
    if let (Some(began), Some(now)) = (began, response.interact_pointer_pos()) {
        let (left, right) = (began.x.min(now.x), began.x.max(now.x));
        if response.drag_stopped() && right - left > 6.0 {
            return Some(Act::Zooms(step(left).floor(), step(right).ceil()));
        }
        if response.dragged() {
            let marked = Rect::from_x_y_ranges(left..=right, plot.y_range()).intersect(plot);
            let fill = theme::faded(theme::palette(ui).accent, 0.2);
            ui.painter().rect_filled(marked, CornerRadius::ZERO, fill);
        }
    }
    let over = response.hover_pos().filter(|at| plot.expand(4.0).contains(*at));
    over.map(|at| Act::Points(step(at.x).round()))
}
