//! The loop: stages, steps, measurements, saved states, and the finished model.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

use crate::train::export::{Form, export};
use crate::train::fingerprint::fingerprint;
use crate::train::labels::{LabelObjective, LabelSet};
use crate::train::lessons::{check_tasks, labels_of, read_all, teaches, usable};
use crate::train::metrics::MetricsFile;
use crate::train::optimizer::{GradientSums, Update};
use crate::train::pictures::Preparation;
use crate::train::pieces::Workers;
use crate::train::state::{Standing, States};
use crate::train::targets::Targets;
use crate::train::{
    AdamW, Arithmetic, Goal, Init, LossScale, Metric, Objective, Outcome, Parameters, Record,
    Schedule, Stage, Taught, TrainConfig, TrainError,
};
use crate::vlm::Trainee;

/// Records of a validation batch.
const VALIDATION_BATCH: usize = 32;

/// What the caller hears after every step.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<M = Metric> {
    /// What was written down.
    pub metric: M,
    /// Steps of all stages.
    pub steps: u64,
    /// At the pace so far.
    pub seconds_left: f64,
    /// Whether the state was saved after it.
    pub is_saved: bool,
}

/// What training gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trained {
    /// The finished model.
    pub model: PathBuf,
    /// Steps of all stages.
    pub steps: u64,
    /// Step it went on from.
    pub resumed: Option<u64>,
}

/// Run a configuration to its end, from where it was left. `only_export` writes the model as it
/// stands and learns nothing.
///
/// # Errors
/// When the configuration, the records or the model are not as they should be, the loss is not a
/// number, a file cannot be written, or `tell` breaks. What was saved stays.
pub fn train(
    config: &TrainConfig,
    device: &Device,
    only_export: bool,
    tell: &mut dyn FnMut(Report) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    if !only_export {
        config.arithmetic.check(device).map_err(TrainError::Arithmetic)?;
    }
    let mut run = Run::open(config, device)?;
    if !only_export {
        run.learn(tell)?;
    }
    run.parameters.rest();
    let is_changed = |name: &str| may_change(config, &run.trainee, name);
    let (lora, precision) = (config.model.lora, config.output.precision);
    let form = Form { lora, precision, is_changed: &is_changed };
    let model = export(&run.trainee, &run.parameters, form, &config.output.folder)?;
    Ok(Trained { model, steps: run.standing.step, resumed: run.resumed })
}

/// A record with the seed of its distortions.
type Chosen<'a> = (&'a Record, Option<u64>);

struct Run<'a> {
    config: &'a TrainConfig,
    trainee: Trainee,
    records: Vec<Record>,
    validation: Vec<Record>,
    labels: LabelSet,
    targets: Targets,
    workers: Workers,
    parameters: Parameters,
    optimizer: AdamW,
    standing: Standing,
    states: States,
    resumed: Option<u64>,
}

/// A stage with what follows from the records.
pub(super) struct Course<'a> {
    pub(super) index: usize,
    pub(super) stage: &'a Stage,
    /// Records it uses.
    pub(super) count: usize,
    pub(super) schedule: Schedule,
}

impl<'a> Run<'a> {
    fn open(config: &'a TrainConfig, device: &Device) -> Result<Self, TrainError> {
        let trainee = Trainee::open_with(&config.model.folder, config.model.new_adapters())?;
        let fault = |reason| TrainError::Config { reason, path: config.model.folder.clone() };
        config.stages.iter().try_for_each(|stage| stage.check_for(&trainee).map_err(fault))?;
        let records = read_all(&config.data.train, &config.data.images)?;
        let validation = read_all(&config.data.validation, &config.data.images)?;
        let labels = labels_of(config, &records)?;
        check_tasks(config, &records)?;
        // a card does one thing after the other anyway
        let is_host = *device == Device::flex();
        let workers = Workers::new(if is_host { rayon::current_num_threads() } else { 0 });
        let mut tensors = trainee.tensors()?;
        tensors.extend(labels.tensors(trainee.tower_width()));
        let mut parameters = Parameters::random(&tensors, config.seed, device);
        if config.model.init == Init::Weights {
            trainee.read_weights(&mut |name, shape, values| {
                parameters.insert(name, shape, values);
            })?;
        }
        let folder = &config.output.folder;
        std::fs::create_dir_all(folder).map_err(TrainError::io(folder))?;
        let targets = match config.stages.iter().any(|stage| stage.task == Taught::Generation) {
            true => {
                let (all, kept) = (records.iter().chain(&validation), folder.join("codes.jsonl"));
                Targets::of(&trainee, all, &config.data.images, &kept)?
            }
            false => Targets::default(),
        };
        let names = parameters.iter().map(|(name, _)| name);
        let fixed = names.filter(|name| !may_change(config, &trainee, name)).cloned().collect();
        let states = States::new(folder).without(fixed);
        let fingerprint = fingerprint(config, &records);
        let found = states.load(&fingerprint, &mut parameters)?;
        let resumed = found.as_ref().map(|(standing, _)| standing.step);
        let loss_scale =
            (config.arithmetic == Arithmetic::F16).then(|| LossScale::begin(config.loss_scale));
        let begin = Standing { fingerprint, loss_scale, ..Standing::default() };
        let (standing, optimizer) = found.unwrap_or((begin, AdamW::default()));
        Ok(Self {
            config,
            trainee,
            records,
            validation,
            labels,
            targets,
            workers,
            parameters,
            optimizer,
            standing,
            states,
            resumed,
        })
    }

    fn courses(&self) -> Vec<Course<'a>> {
        let stages = self.config.stages.iter().enumerate();
        stages
            .map(|(index, stage)| Course::new(index, stage, usable(&self.records, stage).len()))
            .collect()
    }

    fn learn(&mut self, tell: &mut dyn FnMut(Report) -> ControlFlow<()>) -> Result<(), TrainError> {
        let courses = self.courses();
        let steps = courses.iter().map(|course| course.schedule.steps).sum();
        let path = self.config.output.folder.join("metrics.jsonl");
        let mut file = MetricsFile::open(path, self.standing.step)?;
        let mut pace = Pace::default();
        for course in courses.iter().skip(self.standing.stage) {
            self.parameters.learn_for(course.stage.task.task(), &course.stage.train);
            let mut order =
                Order::new(self.config.seed, course, usable(&self.records, course.stage));
            while self.standing.stage_step < course.schedule.steps {
                let begun = Instant::now();
                let mut metric = self.step(course, &mut order)?;
                let is_last = self.standing.stage_step == course.schedule.steps;
                let (output, step) = (&self.config.output, self.standing.step);
                let due = |every: u64| is_last || step.is_multiple_of(every);
                if due(output.validate_every) && !self.validation.is_empty() {
                    let measured = self.measure(course)?;
                    let is_any = measured.tokens > 0;
                    metric.validation_loss = is_any.then(|| measured.mean());
                    metric.validation_accuracy = is_any.then(|| share_right(measured));
                }
                metric.seconds = begun.elapsed().as_secs_f64();
                file.add(&metric)?;
                let is_saved = due(output.save_every);
                if is_last {
                    self.standing.stage += 1;
                    self.standing.stage_step = 0;
                    self.standing.stage_skipped = 0;
                    self.optimizer = AdamW::default();
                }
                if is_saved {
                    self.states.save(&self.standing, &self.parameters, &self.optimizer)?;
                }
                pace.add(metric.seconds);
                let seconds_left = pace.mean() * (steps - self.standing.step) as f64;
                if tell(Report { metric, steps, seconds_left, is_saved }).is_break() {
                    return Err(TrainError::Stopped);
                }
                if is_last {
                    break;
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, course: &Course<'_>, order: &mut Order) -> Result<Metric, TrainError> {
        let stage = course.stage;
        let (mut sums, mut outcome) = (GradientSums::default(), Outcome::default());
        let loss_scale = self.standing.loss_scale;
        self.parameters.compute_in(self.config.arithmetic, loss_scale);
        let a_step = (stage.batch * stage.accumulate) as u64;
        for part in 0..stage.accumulate {
            let first = self.standing.stage_step * a_step + (part * stage.batch) as u64;
            let chosen: Vec<Chosen<'_>> = (first..first + stage.batch as u64)
                .filter_map(|at| {
                    let record = self.records.get(order.record(at))?;
                    Some((record, Some(seed_of(&[self.config.seed, course.index as u64, at]))))
                })
                .collect();
            outcome.add(self.outcome(stage, &chosen, Some(&mut sums))?);
        }
        let step = self.standing.step + 1;
        let failed = || TrainError::not_finite(step, self.config.output.save_every);
        if !outcome.loss.is_finite() {
            return Err(failed());
        }
        sums.scale(1.0 / outcome.tokens.max(1) as f64);
        let gradient_norm = sums.clip(stage.clip)?;
        let skipped = !gradient_norm.is_finite();
        self.standing.loss_scale = if skipped {
            Some(loss_scale.and_then(LossScale::halved).ok_or_else(failed)?)
        } else {
            loss_scale.map(LossScale::kept)
        };
        let rate = course.schedule.rate(self.standing.stage_step);
        let update = Update { rate, betas: stage.betas, weight_decay: stage.weight_decay };
        let of_projector = stage.projector_learning_rate.map(|own| own / stage.learning_rate);
        let share = |name: &str| match Trainee::part_of(name) {
            "projector" => of_projector.unwrap_or(1.0),
            _ => 1.0,
        };
        if !skipped {
            self.optimizer.step_at(&mut self.parameters, &sums, update, share);
        }
        self.standing.step = step;
        self.standing.stage_step += 1;
        self.standing.stage_skipped += u64::from(skipped);
        Ok(Metric {
            step,
            stage: stage.name.clone(),
            epoch: (self.standing.stage_step * a_step) as f64 / course.count.max(1) as f64,
            loss: outcome.mean(),
            accuracy: share_right(outcome),
            learning_rate: rate,
            gradient_norm,
            tokens: outcome.tokens,
            seconds: 0.0,
            validation_loss: None,
            validation_accuracy: None,
            loss_scale: loss_scale.map(LossScale::factor),
            skipped,
        })
    }

    /// What these records come to; their gradients are added to `sums`.
    fn outcome(
        &self,
        stage: &Stage,
        chosen: &[Chosen<'_>],
        mut sums: Option<&mut GradientSums>,
    ) -> Result<Outcome, TrainError> {
        let Some(piece) = stage.piece else {
            return self.outcome_with(&self.parameters, stage, chosen, sums);
        };
        let pieces: Vec<&[Chosen<'_>]> = chosen.chunks(piece).collect();
        let learns = sums.is_some();
        let done = self.workers.each(&pieces, |chosen| {
            let mut sums = GradientSums::default();
            let own = learns.then_some(&mut sums);
            let outcome = self.outcome_with(&self.parameters.apart(), stage, chosen, own)?;
            Ok::<_, TrainError>((outcome, sums))
        });
        let mut whole = Outcome::default();
        for one in done {
            let (outcome, own) = one?;
            whole.add(outcome);
            if let Some(sums) = &mut sums {
                sums.merge(own);
            }
        }
        Ok(whole)
    }

    fn outcome_with(
        &self,
        parameters: &Parameters,
        stage: &Stage,
        chosen: &[Chosen<'_>],
        sums: Option<&mut GradientSums>,
    ) -> Result<Outcome, TrainError> {
        let preparation = self.preparation(stage);
        if stage.objective == Goal::Labels {
            let objective = LabelObjective { trainee: &self.trainee, set: &self.labels };
            let examples = preparation.labelled(chosen, &self.labels)?;
            return match sums {
                Some(sums) => objective.learn(parameters, &examples, sums),
                None => objective.measure(parameters, &examples),
            };
        }
        let objective = Objective { trainee: &self.trainee };
        let examples = preparation.examples(chosen)?;
        match sums {
            _ if examples.is_empty() => Ok(Outcome::default()),
            Some(sums) => objective.learn(parameters, &examples, sums),
            None => objective.measure(parameters, &examples),
        }
    }

    fn preparation(&self, stage: &Stage) -> Preparation<'_> {
        let most = self.trainee.context_len();
        Preparation {
            trainee: &self.trainee,
            images: &self.config.data.images,
            augment: self.config.augment,
            loss_on: stage.loss_on,
            targets: (stage.task == Taught::Generation).then_some(&self.targets),
            max_length: stage.max_length.unwrap_or(most).min(most),
        }
    }

    /// The loss on validation records as they are, recording nothing.
    fn measure(&mut self, course: &Course<'_>) -> Result<Outcome, TrainError> {
        self.parameters.rest();
        let mut outcome = Outcome::default();
        // spread over the file: neighbours are alike
        let wanted = self.config.output.validation_records.max(1);
        let usable: Vec<&Record> =
            self.validation.iter().filter(|record| teaches(record, course.stage)).collect();
        let every = (usable.len() / wanted).max(1);
        let chosen: Vec<Chosen<'_>> =
            usable.into_iter().step_by(every).take(wanted).map(|one| (one, None)).collect();
        for chosen in chosen.chunks(VALIDATION_BATCH.min(course.stage.batch)) {
            outcome.add(self.outcome(course.stage, chosen, None)?);
        }
        self.parameters.learn_for(course.stage.task.task(), &course.stage.train);
        Ok(outcome)
    }
}

/// Whether a tensor may become another than in the model's files.
fn may_change(config: &TrainConfig, trainee: &Trainee, name: &str) -> bool {
    let learns = |stage: &Stage| {
        let part = Trainee::part_of(name);
        Trainee::is_of_task(name, stage.task.task())
            && stage.train.iter().any(|wanted| wanted.name() == part)
    };
    config.model.init == Init::Random
        || trainee.begins_anew(name)
        || config.stages.iter().any(learns)
}

impl<'a> Course<'a> {
    /// Of a stage that so many records teach something.
    pub(super) fn new(index: usize, stage: &'a Stage, records: usize) -> Self {
        let count = ((records as f64 * stage.records).round() as usize).clamp(1, records.max(1));
        let a_step = (stage.batch * stage.accumulate) as f64;
        let by_epochs = (stage.epochs * count as f64 / a_step).ceil() as u64;
        let steps = stage.steps.unwrap_or(by_epochs).max(1);
        let warmup = (steps as f64 * stage.warmup).ceil() as u64;
        let (peak, final_share) = (stage.learning_rate, stage.final_share);
        Self { index, stage, count, schedule: Schedule { peak, final_share, warmup, steps } }
    }
}

/// The order of records: another one every time through, always the same for a seed.
pub(super) struct Order {
    seed: u64,
    stage: u64,
    /// Records of the stage.
    chosen: Vec<usize>,
    /// Which time through `current` is of.
    epoch: Option<u64>,
    current: Vec<usize>,
}

impl Order {
    /// Of those records that teach something.
    pub(super) fn new(seed: u64, course: &Course<'_>, mut chosen: Vec<usize>) -> Self {
        let stage = course.index as u64;
        if course.count < chosen.len() {
            chosen.shuffle(&mut ChaCha8Rng::seed_from_u64(seed_of(&[seed, stage, u64::MAX])));
            chosen.truncate(course.count);
        }
        Self { seed, stage, chosen, epoch: None, current: Vec::new() }
    }

    /// The record at a place counted over all times through.
    pub(super) fn record(&mut self, at: u64) -> usize {
        let count = self.chosen.len().max(1) as u64;
        let epoch = at / count;
        if self.epoch != Some(epoch) {
            self.current.clone_from(&self.chosen);
            let seed = seed_of(&[self.seed, self.stage, epoch, 1]);
            self.current.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
            self.epoch = Some(epoch);
        }
        self.current.get((at % count) as usize).copied().unwrap_or(0)
    }
}

pub(super) fn seed_of(parts: &[u64]) -> u64 {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part.to_le_bytes()));
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

fn share_right(outcome: Outcome) -> f64 {
    outcome.right as f64 / outcome.tokens.max(1) as f64
}

/// Mean seconds of the last steps.
#[derive(Default)]
pub(super) struct Pace {
    mean: Option<f64>,
}

impl Pace {
    pub(super) fn add(&mut self, seconds: f64) {
        self.mean = Some(self.mean.map_or(seconds, |mean| 0.95 * mean + 0.05 * seconds));
    }

    pub(super) fn mean(&self) -> f64 {
        self.mean.unwrap_or(0.0)
    }
}
