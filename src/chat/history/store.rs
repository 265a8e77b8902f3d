//! The thread that owns the database.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::super::Marker;
use super::super::id::now_ms;
use super::super::transfer::{self, Imported};
use super::super::{Conversation, Turn, id};
use super::calendar::Calendar;
use super::client::Wake;
use super::database::{Database, Summary, check};
use super::error::HistoryError;
use super::files;
use super::query::Query;
use super::search::Hit;

/// Between two looks at what else is to be done.
const TICK: Duration = Duration::from_millis(500);
/// Between two tries after something failed.
const RETRY: Duration = Duration::from_secs(5);
/// Between two looks whether another program wrote.
const LOOK: Duration = Duration::from_secs(3);
/// A deleted chat can be brought back for so long.
const UNDO_MS: u64 = 60_000;
/// Chats whose written state is remembered, so that only what is new is written.
const MAX_KEPT: usize = 64;

/// What the history can be asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Write what is new of a chat.
    Save(Box<Conversation>),
    /// Read a chat.
    Load(u64),
    /// Call a chat something else.
    Rename(u64, String),
    /// Keep a chat on top, or no longer.
    Pin(u64, bool),
    /// Take a chat out of the list.
    Delete(u64),
    /// Bring it back.
    Restore(u64),
    /// Keep a study's number: its mark, the number wanted.
    Number(String, u32),
    /// Look through all chats; the number comes back with what was found.
    Search(u64, String),
    /// Take in a file that was exported.
    Import(PathBuf),
}

/// An open history.
#[derive(Clone, Debug, PartialEq)]
pub struct Opened {
    /// All chats, in the order of the list.
    pub chats: Vec<Summary>,
    /// What makes marks.
    pub marker: Marker,
    /// Marks of studies with their numbers.
    pub studies: Vec<(String, u32)>,
    /// Days as this computer has them.
    pub calendar: Calendar,
}

/// What the history says.
#[derive(Clone, Debug, PartialEq)]
pub enum HistoryEvent {
    /// It can be used.
    Opened(Box<Opened>),
    /// Another program wrote: all chats anew.
    Listed(Vec<Summary>),
    /// A chat was read.
    Loaded(Box<Conversation>),
    /// It could not be read.
    NotLoaded(u64, HistoryError),
    /// What a search found.
    Found(u64, Result<Vec<Hit>, HistoryError>),
    /// A file was taken in.
    Imported(Box<Imported>),
    /// It was not, and why.
    NotImported(String),
    /// A study has another number than was wanted.
    Numbered(String, u32),
    /// The database was damaged: what it is called now, how many chats were taken over from it.
    SetAside(String, usize),
    /// Chats are not being written for now; they are kept in memory.
    Trouble(HistoryError),
    /// They are again, all of them.
    Recovered,
}

pub(super) struct Store {
    folder: PathBuf,
    door: Result<Database, HistoryError>,
    /// Chats as they were written last.
    kept: BTreeMap<u64, Conversation>,
    /// Chats that are not written yet.
    unsaved: BTreeMap<u64, Conversation>,
    /// What the window was told is wrong.
    told: Option<HistoryError>,
    deleted: Vec<u64>,
    tried_at: Instant,
    looked_at: Instant,
    seen_version: i64,
    checked: Option<Receiver<Result<(), HistoryError>>>,
    to_window: SyncSender<HistoryEvent>,
    wake: Wake,
}

impl Store {
    pub(super) fn new(folder: PathBuf, to_window: SyncSender<HistoryEvent>, wake: Wake) -> Self {
        Self {
            folder,
            door: Err(HistoryError::Busy),
            kept: BTreeMap::new(),
            unsaved: BTreeMap::new(),
            told: None,
            deleted: Vec::new(),
            tried_at: Instant::now(),
            looked_at: Instant::now(),
            seen_version: 0,
            checked: None,
            to_window,
            wake,
        }
    }

    /// Serves until nobody is left to ask.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        self.open();
        loop {
            let first = match requests.recv_timeout(TICK) {
                Ok(request) => Some(request),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let batch: Vec<Request> = first.into_iter().chain(requests.try_iter()).collect();
            let is_search = |request: &Request| matches!(request, Request::Search(..));
            let last_search = batch.iter().rposition(is_search);
            for (idx, request) in batch.into_iter().enumerate() {
                // what was typed on in the meantime is not looked for
                if !is_search(&request) || Some(idx) == last_search {
                    self.take(request);
                }
            }
            self.tick();
        }
        self.finish();
    }

    fn say(&self, event: HistoryEvent) {
        // a window that is gone needs to know nothing
        self.to_window.send(event).ok();
        (self.wake)();
    }

    fn open(&mut self) {
        self.tried_at = Instant::now();
        self.door = Database::open(&self.folder);
        if let Err(HistoryError::Damaged(_)) = &self.door {
            self.start_anew();
            return;
        }
        self.opened();
    }

    fn opened(&mut self) {
        let facts = match &mut self.door {
            Ok(database) => opened(database),
            Err(error) => Err(error.clone()),
        };
        match facts {
            Ok(facts) => {
                self.seen_version = self.door.as_ref().map_or(0, Database::data_version);
                self.say(HistoryEvent::Opened(Box::new(facts)));
                self.check();
                self.write();
            }
            Err(error @ HistoryError::Damaged(_)) if self.door.is_ok() => {
                self.fail(error);
            }
            Err(error) => {
                self.door = Err(error.clone());
                self.tell(error);
            }
        }
    }

    /// Large files take long to be checked: that is done beside the work.
    fn check(&mut self) {
        let (done, checked) = sync_channel(1);
        let folder = self.folder.clone();
        let run = move || done.send(check(&folder)).ok();
        if thread::Builder::new().name("history check".to_owned()).spawn(run).is_ok() {
            self.checked = Some(checked);
        }
    }

    /// Sets a damaged database aside, begins another, and takes over what can be read.
    fn start_anew(&mut self) {
        let marker = files::marker_in(&self.folder).unwrap_or_else(|_| files::passing_marker());
        // what holds the file open would keep it from being renamed
        self.door = Err(HistoryError::Busy);
        let name = match files::set_aside(&self.folder) {
            Ok(name) => name,
            Err(error) => {
                self.door = Err(error.clone());
                return self.tell(error);
            }
        };
        self.door = Database::open(&self.folder);
        let (rescued, _) = Database::rescue(&self.folder.join(&name), marker);
        let mut number = 0;
        if let Ok(database) = &mut self.door {
            for chat in rescued {
                if database.save(&chat, None).is_ok() {
                    number += 1;
                }
            }
        }
        // chats in memory are newer than those on disk
        for (id, chat) in std::mem::take(&mut self.kept) {
            self.unsaved.entry(id).or_insert(chat);
        }
        self.say(HistoryEvent::SetAside(name, number));
        self.opened();
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Save(chat) => {
                self.unsaved.insert(chat.id, *chat);
                self.write();
            }
            Request::Load(id) => self.load(id),
            Request::Search(ticket, typed) => {
                let found = self.with(|database| database.search(&Query::parse(&typed)));
                self.say(HistoryEvent::Found(ticket, found));
            }
            Request::Import(path) => self.import(&path),
            Request::Rename(id, title) => {
                let known = [self.kept.get_mut(&id), self.unsaved.get_mut(&id)];
                known.into_iter().flatten().for_each(|chat| chat.title.clone_from(&title));
                self.change(|database| database.rename(id, &title));
            }
            Request::Pin(id, pinned) => {
                let known = [self.kept.get_mut(&id), self.unsaved.get_mut(&id)];
                known.into_iter().flatten().for_each(|chat| chat.pinned = pinned);
                self.change(|database| database.pin(id, pinned));
            }
            Request::Delete(id) => {
                self.deleted.push(id);
                self.change(|database| database.delete(id));
            }
            Request::Restore(id) => {
                self.deleted.retain(|other| *other != id);
                self.change(|database| database.restore(id));
            }
            Request::Number(mark, wanted) => {
                let number = self.with(|database| database.number(&mark, wanted));
                if let Ok(number) = number
                    && number != wanted
                {
                    self.say(HistoryEvent::Numbered(mark, number));
                }
            }
        }
    }

    fn with<T>(
        &mut self,
        work: impl FnOnce(&mut Database) -> Result<T, HistoryError>,
    ) -> Result<T, HistoryError> {
        let done = self.door.as_mut().map_err(|error| error.clone()).and_then(work);
        if let Err(error @ HistoryError::Damaged(_)) = &done
            && self.door.is_ok()
        {
            self.fail(error.clone());
        }
        done
    }

    fn change(&mut self, work: impl FnOnce(&mut Database) -> Result<(), HistoryError>) {
        if self.door.is_ok()
            && let Err(error) = self.with(work)
        {
            self.tell(error);
        }
    }

    fn load(&mut self, id: u64) {
        if let Some(chat) = self.unsaved.get(&id) {
            return self.say(HistoryEvent::Loaded(Box::new(chat.clone())));
        }
        match self.with(|database| database.load(id)) {
            Ok(chat) => {
                self.keep(chat.clone());
                self.say(HistoryEvent::Loaded(Box::new(chat)));
            }
            Err(error) => self.say(HistoryEvent::NotLoaded(id, error)),
        }
    }

    fn keep(&mut self, chat: Conversation) {
        if self.kept.len() >= MAX_KEPT
            && let Some(oldest) = self.kept.values().min_by_key(|chat| chat.changed_ms)
        {
            let oldest = oldest.id;
            self.kept.remove(&oldest);
        }
        self.kept.insert(chat.id, chat);
    }

    /// Writes every chat that waits for it.
    fn write(&mut self) {
        while let Some((id, chat)) = self.unsaved.pop_first() {
            let Ok(database) = &mut self.door else {
                self.unsaved.insert(id, chat);
                return;
            };
            match database.save(&chat, self.kept.get(&id)) {
                Ok(numbers) => {
                    let wanted: HashMap<String, String> = aliases(&chat);
                    for (mark, number) in numbers {
                        let alias = crate::imaging::alias(number as usize);
                        if wanted.get(&mark).is_some_and(|wanted| *wanted != alias) {
                            self.say(HistoryEvent::Numbered(mark, number));
                        }
                    }
                    self.keep(chat);
                }
                Err(error) => {
                    self.unsaved.insert(id, chat);
                    self.fail(error);
                    return;
                }
            }
        }
        if self.told.take().is_some() {
            self.say(HistoryEvent::Recovered);
        }
    }

    fn fail(&mut self, error: HistoryError) {
        if let HistoryError::Damaged(_) = error {
            self.start_anew();
        } else {
            self.tried_at = Instant::now();
            self.tell(error);
        }
    }

    /// Says once what is wrong.
    fn tell(&mut self, error: HistoryError) {
        if self.told.as_ref() != Some(&error) {
            self.told = Some(error.clone());
            self.say(HistoryEvent::Trouble(error));
        }
    }

    fn import(&mut self, path: &std::path::Path) {
        let mut imported = match transfer::read(path) {
            Ok(imported) => imported,
            Err(error) => return self.say(HistoryEvent::NotImported(error.to_string())),
        };
        if let Ok(database) = &mut self.door
            && let Err(error) = settle(database, &mut imported)
        {
            return self.say(HistoryEvent::NotImported(error.to_string()));
        }
        if !imported.was_there {
            self.unsaved.insert(imported.chat.id, imported.chat.clone());
            self.write();
        }
        self.say(HistoryEvent::Imported(Box::new(imported)));
    }

    fn tick(&mut self) {
        match self.checked.as_ref().map(Receiver::try_recv) {
            Some(Ok(result)) => {
                self.checked = None;
                if let Err(error @ HistoryError::Damaged(_)) = result {
                    self.fail(error);
                }
            }
            Some(Err(TryRecvError::Disconnected)) => self.checked = None,
            Some(Err(TryRecvError::Empty)) | None => {}
        }
        if self.tried_at.elapsed() >= RETRY {
            self.tried_at = Instant::now();
            match &self.door {
                Err(error) if error.may_pass() => self.open(),
                Ok(_) if !self.unsaved.is_empty() => self.write(),
                _ => {}
            }
        }
        if self.looked_at.elapsed() >= LOOK {
            self.looked_at = Instant::now();
            self.look();
        }
    }

    /// Whether another program wrote, and whether something deleted is to go for good.
    fn look(&mut self) {
        let Ok(database) = &mut self.door else { return };
        let version = database.data_version();
        if version != self.seen_version {
            self.seen_version = version;
            if let Ok(chats) = database.list() {
                // the next look makes up for an event that found no room
                if self.to_window.try_send(HistoryEvent::Listed(chats)).is_ok() {
                    (self.wake)();
                } else {
                    self.seen_version = -1;
                }
            }
        }
        if !self.deleted.is_empty() {
            // left for the next start if it fails
            database.purge_deleted_before(now_ms().saturating_sub(UNDO_MS)).ok();
        }
    }

    fn finish(&mut self) {
        self.write();
        if !self.unsaved.is_empty()
            && let Some(error) = self.told.clone()
        {
            self.say(HistoryEvent::Trouble(error));
        }
        if let Ok(database) = &mut self.door {
            for id in std::mem::take(&mut self.deleted) {
                database.purge(id).ok();
            }
            database.checkpoint();
        }
    }
}

fn opened(database: &mut Database) -> Result<Opened, HistoryError> {
    // where nothing can be written that is said when something is to be
    database.purge_deleted_before(now_ms().saturating_sub(UNDO_MS)).ok();
    Ok(Opened {
        chats: database.list()?,
        marker: database.marker().clone(),
        studies: database.studies()?,
        calendar: database.calendar(),
    })
}

/// A chat that is there already is not taken in twice; another one of the same id gets a new id.
fn settle(database: &Database, imported: &mut Imported) -> Result<(), HistoryError> {
    if !database.has(imported.chat.id)? {
        // a turn belongs to one chat only
        if database.has_turn_of(&imported.chat)? {
            id::renew(&mut imported.chat);
        }
        return Ok(());
    }
    match database.load(imported.chat.id) {
        Ok(there) if same_words(&there, &imported.chat) => imported.was_there = true,
        Ok(_) | Err(HistoryError::NoChat(_)) => id::renew(&mut imported.chat),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Aliases are each history's own.
fn same_words(a: &Conversation, b: &Conversation) -> bool {
    let is_same =
        |(a, b): (&Turn, &Turn)| a.id == b.id && a.answers == b.answers && a.slices == b.slices;
    a.turns.len() == b.turns.len() && a.turns.iter().zip(&b.turns).all(is_same)
}

fn aliases(chat: &Conversation) -> HashMap<String, String> {
    let evidence = chat.turns.iter().flat_map(|turn| &turn.evidence);
    evidence.filter_map(|e| Some((e.marks.as_ref()?.study.clone(), e.alias.clone()))).collect()
}
