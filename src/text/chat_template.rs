//! Turns become a prompt, exactly as each family's published code writes it.

/// Stands in a prompt where a picture goes.
pub const IMAGE_MARKER: &str = "<image>";

/// How a family writes a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatTemplate {
    /// HuatuoGPT-Vision, `cli.py`: pieces are tokenised one by one.
    Huatuo,
    /// LLaVA-Med 1.5, template `mistral_instruct`: one piece, every chunk begins with BOS.
    MistralInstruct,
}

/// One question, with its answer unless it is the open one.
#[derive(Clone, Copy, Debug)]
pub struct TemplateTurn<'a> {
    /// As typed.
    pub question: &'a str,
    /// As given; `None` for the question to be answered.
    pub answer: Option<&'a str>,
    /// Pictures of this turn.
    pub num_images: usize,
}

/// A part of a prompt that is tokenised by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// With an [`IMAGE_MARKER`] for every picture.
    pub text: String,
    /// Whether markers in it stand for pictures; those a model wrote itself do not.
    pub has_images: bool,
}

impl ChatTemplate {
    /// The pieces of the prompt; together they are the prompt.
    #[must_use]
    pub fn render(self, turns: &[TemplateTurn<'_>]) -> Vec<Piece> {
        match self {
            Self::Huatuo => turns.iter().flat_map(huatuo_turn).collect(),
            Self::MistralInstruct => {
                let text = turns.iter().map(mistral_turn).collect();
                vec![Piece { text, has_images: true }]
            }
        }
    }

    /// Whether every chunk between pictures is tokenised with the ids put around a text, of which
    /// only the first chunk keeps its own.
    #[must_use]
    pub fn adds_special(self) -> bool {
        matches!(self, Self::MistralInstruct)
    }
}

/// A space before the newline follows every answer, and no end-of-sequence.
fn huatuo_turn(turn: &TemplateTurn<'_>) -> Vec<Piece> {
    let user = without(turn.question, &[IMAGE_MARKER, "<s>", "</s>"]);
    let user = format!("{}{user}", format!("{IMAGE_MARKER}\n").repeat(turn.num_images));
    let user = format!("<|user|>\n{}\n", strip(&user));
    match turn.answer {
        Some(answer) => vec![
            Piece { text: user, has_images: true },
            Piece { text: format!("<|assistant|>\n{answer} \n"), has_images: false },
        ],
        None => vec![Piece { text: format!("{user}<|assistant|>\n"), has_images: true }],
    }
}

/// The answer is stripped; `</s>` is written out and read as the end of the sequence.
fn mistral_turn(turn: &TemplateTurn<'_>) -> String {
    let (question, marked) = without_specials(turn.question);
    let question = if marked { strip(&question) } else { &question };
    let markers = format!("{IMAGE_MARKER}\n").repeat(turn.num_images);
    let asked = format!("[INST] {markers}{question} [/INST]");
    match turn.answer {
        Some(answer) => {
            let (answer, _) = without_specials(answer);
            format!("{asked} {} </s>", strip(&answer))
        }
        None => asked,
    }
}

/// A text without the markers that would change the structure of the prompt, and whether it had any.
fn without_specials(text: &str) -> (String, bool) {
    let clean = without(text, &[IMAGE_MARKER, "<s>", "</s>", "<unk>"]);
    let marked = clean != text;
    (clean, marked)
}

/// A text without these, nor any that appear where one was taken out.
fn without(text: &str, specials: &[&str]) -> String {
    let clean = specials.iter().fold(text.to_owned(), |text, special| text.replace(special, ""));
    if clean == text { clean } else { without(&clean, specials) }
}

/// What the references' `strip` takes away, the four separators included.
fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c))
}
