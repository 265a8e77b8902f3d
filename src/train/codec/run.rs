//! The loop: stages, steps, measurements, saved states, and the finished codec.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::imaging::{Channels, DisplayImage, Similarity};
use crate::train::codec::export::export;
use crate::train::codec::metrics::CodecValidation;
use crate::train::codec::restart::{insert_counters, restart};
use crate::train::codec::step::perplexity;
use crate::train::codec::{CodecConfig, CodecMetric, CodecObjective, CodecOutcome, PROJ, pictures};
use crate::train::metrics::MetricsFile;
use crate::train::optimizer::{GradientSums, Update};
use crate::train::run::{Course, Order, Pace, Report, Trained, seed_of};
use crate::train::state::{Standing, States};
use crate::train::{AdamW, Init, Parameters, TrainError};
use crate::vlm::{CodecTrainee, Decoded, RgbPixels};

/// Run a configuration to its end, from where it was left. `only_export` writes the codec as it
/// stands and learns nothing.
///
/// # Errors
/// When the configuration, the pictures or the codec are not as they should be, the loss is not a
/// number, a file cannot be written, or `tell` breaks. What was saved stays.
pub fn train_codec(
    config: &CodecConfig,
    device: &Device,
    only_export: bool,
    tell: &mut dyn FnMut(Report<CodecMetric>) -> ControlFlow<()>,
) -> Result<Trained, TrainError> {
    let mut run = Run::open(config, device)?;
    if !only_export {
        run.learn(tell)?;
    }
    run.parameters.rest();
    let (precision, folder) = (config.output.precision, &config.output.folder);
    let model = export(&run.trainee, &run.parameters, precision, folder)?;
    Ok(Trained { model, steps: run.standing.step, resumed: run.resumed })
}

struct Run<'a> {
    config: &'a CodecConfig,
    trainee: CodecTrainee,
    pictures: Vec<PathBuf>,
    validation: Vec<PathBuf>,
    parameters: Parameters,
    optimizer: AdamW,
    standing: Standing,
    states: States,
    resumed: Option<u64>,
}

impl<'a> Run<'a> {
    fn open(config: &'a CodecConfig, device: &Device) -> Result<Self, TrainError> {
        let trainee = CodecTrainee::open(&config.model.folder)?;
        let data = &config.data;
        let pictures = pictures::list(&data.train, &data.images)?;
        let validation = pictures::list(&data.validation, &data.images)?;
        let mut parameters = first_parameters(config, &trainee, device)?;
        let folder = &config.output.folder;
        std::fs::create_dir_all(folder).map_err(TrainError::io(folder))?;
        let states = States::new(folder);
        let fingerprint = fingerprint(config, &trainee, &pictures);
        let found = states.load(&fingerprint, &mut parameters)?;
        let resumed = found.as_ref().map(|(standing, _)| standing.step);
        let begin = Standing { fingerprint, ..Standing::default() };
        let (standing, optimizer) = found.unwrap_or((begin, AdamW::default()));
        Ok(Self {
            config,
            trainee,
            pictures,
            validation,
            parameters,
            optimizer,
            standing,
            states,
            resumed,
        })
    }

    fn learn(
        &mut self,
        tell: &mut dyn FnMut(Report<CodecMetric>) -> ControlFlow<()>,
    ) -> Result<(), TrainError> {
        let (config, count) = (self.config, self.pictures.len());
        let stages = config.stages.iter().enumerate();
        let courses: Vec<Course<'a>> =
            stages.map(|(index, stage)| Course::new(index, stage, count)).collect();
        let steps = courses.iter().map(|course| course.schedule.steps).sum();
        let path = config.output.folder.join("metrics.jsonl");
        let mut file = MetricsFile::open(path, self.standing.step)?;
        let mut pace = Pace::default();
        for course in courses.iter().skip(self.standing.stage) {
            self.learning(course);
            let mut order = Order::new(config.seed, course, (0..count).collect());
            while self.standing.stage_step < course.schedule.steps {
                let begun = Instant::now();
                let mut metric = self.step(course, &mut order)?;
                let is_last = self.standing.stage_step == course.schedule.steps;
                let step = self.standing.step;
                let due = |every: u64| is_last || step.is_multiple_of(every);
                if due(config.output.validate_every) && !self.validation.is_empty() {
                    metric.validation = Some(self.measure(course)?);
                }
                metric.seconds = begun.elapsed().as_secs_f64();
                file.add(&metric)?;
                let is_saved = due(config.output.save_every);
                if is_last {
                    self.standing.stage += 1;
                    self.standing.stage_step = 0;
                    self.optimizer = AdamW::default();
                }
                if is_saved {
                    self.states.save(&self.standing, &self.parameters, &self.optimizer)?;
                }
                pace.add(metric.seconds);
                let seconds_left = pace.mean() * (steps - step) as f64;
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

    fn learning(&mut self, course: &Course<'_>) {
        self.parameters.learn_as(&course.stage.train, CodecTrainee::part_of);
    }

    fn objective(&self) -> CodecObjective<'_> {
        CodecObjective { trainee: &self.trainee, quantiser: self.config.quantiser }
    }

    fn step(&mut self, course: &Course<'_>, order: &mut Order) -> Result<CodecMetric, TrainError> {
        let (stage, seed) = (course.stage, self.config.seed);
        let (mut sums, mut outcome) = (GradientSums::default(), CodecOutcome::default());
        let a_step = (stage.batch * stage.accumulate) as u64;
        let first = self.standing.stage_step * a_step;
        let chosen: Vec<(&PathBuf, Option<u64>)> = (first..first + a_step)
            .filter_map(|at| {
                let path = self.pictures.get(order.record(at))?;
                Some((path, Some(seed_of(&[seed, course.index as u64, at]))))
            })
            .collect();
        let squares = pictures::squares(&self.trainee, self.config.augment, &chosen)?;
        // a picture a thread: what is recorded of one is large, and gone before the next
        let is_on_cpu = *self.parameters.device() == Device::flex();
        let at_once = if is_on_cpu { rayon::current_num_threads().max(1) } else { 1 };
        for squares in squares.chunks(at_once) {
            let passed: Vec<_> = match squares {
                [only] => vec![self.pass(only)],
                several => several.par_iter().map(|square| self.pass(square)).collect(),
            };
            for passed in passed {
                let (found, gradients) = passed?;
                outcome.add(found);
                sums.merge(gradients);
            }
        }
        let step = self.standing.step + 1;
        let pictures = outcome.pictures.max(1) as f64;
        let (reconstruction, codebook) =
            (outcome.reconstruction / pictures, outcome.codebook / pictures);
        let loss = reconstruction + self.config.quantiser.weight * codebook;
        sums.scale(1.0 / pictures);
        let gradient_norm = sums.clip(stage.clip)?;
        if !loss.is_finite() || !gradient_norm.is_finite() {
            return Err(TrainError::not_finite(step, self.config.output.save_every));
        }
        let rate = course.schedule.rate(self.standing.stage_step);
        let update = Update { rate, betas: stage.betas, weight_decay: stage.weight_decay };
        self.optimizer.step(&mut self.parameters, &sums, update);
        let restarted = self.restart(course, &outcome)?;
        self.standing.step = step;
        self.standing.stage_step += 1;
        let counts = outcome.counts(self.trainee.config().n_embed);
        Ok(CodecMetric {
            step,
            stage: stage.name.clone(),
            epoch: (self.standing.stage_step * a_step) as f64 / course.count.max(1) as f64,
            loss,
            reconstruction,
            codebook,
            perplexity: perplexity(&counts),
            codes_used: counts.iter().filter(|count| **count > 0).count(),
            restarted,
            learning_rate: rate,
            gradient_norm,
            seconds: 0.0,
            validation: None,
        })
    }

    /// One picture there and back.
    fn pass(&self, square: &RgbPixels) -> Result<(CodecOutcome, GradientSums), TrainError> {
        let (values, mut gradients) = (CodecTrainee::pixel_values(square), GradientSums::default());
        let parameters = self.parameters.apart();
        let outcome = self.objective().learn(&parameters, &values, &mut gradients)?;
        Ok((outcome, gradients))
    }

    fn restart(
        &mut self,
        course: &Course<'_>,
        outcome: &CodecOutcome,
    ) -> Result<usize, TrainError> {
        if !course.stage.train.contains(&crate::train::Part::Codebook) {
            return Ok(0);
        }
        let seed = seed_of(&[self.config.seed, course.index as u64, self.standing.step, 2]);
        restart(&mut self.parameters, outcome, self.config.quantiser.restart_after, seed)
    }

    /// How validation pictures come out as they are, recording nothing.
    fn measure(&mut self, course: &Course<'_>) -> Result<CodecValidation, TrainError> {
        self.parameters.rest();
        // spread over the list: neighbours are alike
        let wanted = self.config.output.validation_records.max(1);
        let every = (self.validation.len() / wanted).max(1);
        let chosen: Vec<(&PathBuf, Option<u64>)> =
            self.validation.iter().step_by(every).take(wanted).map(|path| (path, None)).collect();
        let (mut total, mut outcome) = (CodecValidation::default(), CodecOutcome::default());
        for chosen in chosen.chunks(course.stage.batch) {
            for square in pictures::squares(&self.trainee, self.config.augment, chosen)? {
                let values = CodecTrainee::pixel_values(&square);
                let (mut found, pixels) = self.objective().measure(&self.parameters, &values)?;
                found.vectors.clear();
                outcome.add(found);
                let made = Decoded::new(&pixels, square.width).picture;
                let similarity = Similarity::between(&display(square), &display(made));
                // equal pictures in 8 bits are at least so near
                total.psnr_db += similarity.map_or(0.0, |found| found.psnr_db.unwrap_or(60.0));
                total.ssim += similarity.and_then(|found| found.ssim).unwrap_or(0.0);
            }
        }
        self.learning(course);
        let pictures = outcome.pictures.max(1) as f64;
        Ok(CodecValidation {
            reconstruction: outcome.reconstruction / pictures,
            psnr_db: total.psnr_db / pictures,
            ssim: total.ssim / pictures,
            perplexity: perplexity(&outcome.counts(self.trainee.config().n_embed)),
        })
    }
}

fn display(pixels: RgbPixels) -> DisplayImage {
    let (width, height) = (pixels.width as u32, pixels.height as u32);
    DisplayImage { width, height, channels: Channels::Rgb, pixels: pixels.pixels }
}

/// Tensors before the first step. What is made of the codebook is not among them.
fn first_parameters(
    config: &CodecConfig,
    trainee: &CodecTrainee,
    device: &Device,
) -> Result<Parameters, TrainError> {
    let mut tensors = trainee.tensors()?;
    tensors.retain(|tensor| !tensor.name.starts_with(PROJ));
    let mut parameters = Parameters::random(&tensors, config.seed, device);
    let after = config.quantiser.restart_after;
    let mut first = after;
    if config.model.init == Init::Weights {
        trainee.read_weights(&mut |name, shape, values| {
            if !name.starts_with(PROJ) {
                parameters.insert(name, shape, values);
            }
        })?;
        first = 0;
    }
    // a codebook of chance: what the first step does not use begins where its vectors are
    insert_counters(&mut parameters, trainee.config().n_embed, first);
    Ok(parameters)
}

/// Of everything that decides what is learnt; where the results go does not.
fn fingerprint(config: &CodecConfig, trainee: &CodecTrainee, pictures: &[PathBuf]) -> String {
    let CodecConfig { model, quantiser, data: _, augment, output: _, stages, seed } = config;
    let mut hash = Sha256::new();
    hash.update(format!("{model:?}{quantiser:?}{augment:?}{stages:?}{seed}"));
    hash.update(format!("{:?}", trainee.config()));
    for picture in pictures {
        let picture = picture.strip_prefix(&config.data.images).unwrap_or(picture);
        hash.update(format!("{picture:?}"));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
