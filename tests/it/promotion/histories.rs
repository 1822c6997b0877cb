//! Random histories, with the `git` program as the oracle.
//!
//! `DRIFTD_SEED` repeats a run and `DRIFTD_CASES` makes it longer; a failure tells the shortest history that still fails.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use driftd::drift::promotion::{CommitNote, Promotion, PromotionState};

use super::sandbox::Sandbox;
use crate::property::Random;

const CASES: u64 = 24;
const STEPS: usize = 14;
const FILES: [&str; 2] = ["a.yaml", "b.yaml"];
const KEYS: [&str; 4] = ["one", "two", "three", "four"];

/// One thing that somebody does on a branch.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Sets a key to a value that was never there before.
    Set {
        branch: usize,
        file: usize,
        key: usize,
    },
    /// Touches nothing that is rendered.
    Readme {
        branch: usize,
    },
    Variant {
        branch: usize,
    },
    Empty {
        branch: usize,
    },
    /// Takes one commit of the other branch, counted from its tip.
    CherryPick {
        branch: usize,
        back: usize,
    },
    Merge {
        branch: usize,
    },
    Squash {
        branch: usize,
    },
    /// Renames a file to a name that has the number of the step.
    Rename {
        branch: usize,
        file: usize,
    },
    /// Lets prod stand where staging does.
    Promote,
    /// Takes back one of the last commits by a new one.
    Revert {
        branch: usize,
        back: usize,
    },
    /// Moves the branch back.
    Reset {
        branch: usize,
        back: usize,
    },
    /// Merges whatever conflicts, by taking a side.
    Resolve {
        branch: usize,
        theirs: bool,
    },
}

/// Steps from a seed.
struct Numbers(Random);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0.below(end)
    }

    /// Steps of which none takes anything back, so that git alone can tell what a hotfix is.
    fn forward(&mut self) -> Step {
        let branch = self.below(2);
        match self.below(16) {
            0..8 => Step::Set { branch, file: self.below(2), key: self.below(4) },
            8 => Step::Readme { branch },
            9 => Step::Variant { branch },
            10 => Step::Empty { branch },
            11 | 12 => Step::CherryPick { branch, back: self.below(3) },
            13 => Step::Merge { branch },
            14 => Step::Squash { branch },
            _ => Step::Promote,
        }
    }

    fn any(&mut self) -> Step {
        let branch = self.below(2);
        match self.below(8) {
            0 => Step::Revert { branch, back: self.below(3) },
            1 => Step::Reset { branch, back: self.below(3) },
            2 => Step::Resolve { branch, theirs: self.below(2) == 1 },
            3 => Step::Rename { branch, file: self.below(2) },
            _ => self.forward(),
        }
    }
}

const BRANCHES: [&str; 2] = ["staging", "prod"];

struct History {
    sandbox: Sandbox,
    values: usize,
    /// Tips that prod had when driftd looked.
    prod: BTreeSet<String>,
    staging: BTreeSet<String>,
}

impl History {
    fn new() -> Self {
        let mut sandbox = Sandbox::staging_and_prod();
        let file = |name: &str| {
            let keys = KEYS.map(|key| format!("  {key}: first-{name}-{key}\n")).concat();
            format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n{keys}")
        };
        sandbox.commit("first", &[("a.yaml", &file("a")), ("b.yaml", &file("b"))]);
        sandbox.git("branch staging");
        sandbox.git("branch prod");
        Self { sandbox, values: 0, prod: BTreeSet::new(), staging: BTreeSet::new() }
    }

    fn perform(&mut self, step: Step) {
        self.values += 1;
        let number = self.values;
        match step {
            Step::Set { branch, file, key } => self.set(branch, FILES[file], KEYS[key]),
            Step::Readme { branch } => self.commit(branch, "README.md", &format!("{number}\n")),
            Step::Variant { branch } => {
                let text = format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: v{number}\n");
                self.commit(branch, &format!("variants/{}/x.yaml", BRANCHES[branch]), &text);
            }
            Step::Empty { branch } => {
                self.switch(branch);
                self.sandbox.commit(&format!("empty {number}"), &[]);
            }
            Step::CherryPick { branch, back } => {
                self.switch(branch);
                let wanted = format!("{}~{back}", BRANCHES[1 - branch]);
                self.attempt(&["cherry-pick", "--allow-empty", &wanted], "cherry-pick");
            }
            Step::Merge { branch } => {
                self.switch(branch);
                self.attempt(&["merge", "--no-edit", BRANCHES[1 - branch]], "merge");
            }
            Step::Squash { branch } => {
                self.switch(branch);
                let (merged, _) = self.sandbox.attempt(&["merge", "--squash", BRANCHES[1 - branch]]);
                if merged {
                    self.sandbox.run(&["commit", "--allow-empty", "-m", &format!("squash {number}")]);
                }
                self.sandbox.git("reset --quiet --hard");
            }
            Step::Rename { branch, file } => self.rename(branch, FILES[file]),
            Step::Promote => {
                self.switch(1);
                self.sandbox.git("reset --quiet --hard staging");
            }
            Step::Revert { branch, back } => {
                self.switch(branch);
                self.attempt(&["revert", "--no-edit", &format!("HEAD~{back}")], "revert");
            }
            Step::Reset { branch, back } => {
                self.switch(branch);
                let _ = self.sandbox.attempt(&["reset", "--quiet", "--hard", &format!("HEAD~{back}")]);
            }
            Step::Resolve { branch, theirs } => {
                self.switch(branch);
                let side = if theirs { "theirs" } else { "ours" };
                self.attempt(&["merge", "--no-edit", "-X", side, BRANCHES[1 - branch]], "merge");
            }
        }
    }

    fn switch(&mut self, branch: usize) {
        self.sandbox.run(&["switch", "--quiet", BRANCHES[branch]]);
    }

    fn commit(&mut self, branch: usize, path: &str, text: &str) {
        self.switch(branch);
        self.sandbox.commit(&format!("{path} {}", self.values), &[(path, text)]);
    }

    /// Sets a key of the file that is `file` or was renamed from it.
    fn set(&mut self, branch: usize, file: &str, key: &str) {
        self.switch(branch);
        let Some(path) = self.path_of(file) else { return };
        let text = std::fs::read_to_string(self.sandbox.repository().join(&path)).expect("the file");
        let line = |line: &str| match line.trim_start().strip_prefix(key) {
            Some(rest) if rest.starts_with(':') => format!("  {key}: value-{}\n", self.values),
            _ => format!("{line}\n"),
        };
        let text: String = text.lines().map(line).collect();
        self.commit(branch, &path, &text);
    }

    fn rename(&mut self, branch: usize, file: &str) {
        self.switch(branch);
        let Some(path) = self.path_of(file) else { return };
        let renamed = format!("{}-{}.yaml", &file[..1], self.values);
        self.sandbox.run(&["mv", &path, &renamed]);
        self.sandbox.commit(&format!("rename {path}"), &[]);
    }

    fn path_of(&mut self, file: &str) -> Option<String> {
        let all = self.sandbox.git("ls-files *.yaml");
        all.lines().find(|path| path.starts_with(&file[..1]) && !path.contains('/')).map(str::to_owned)
    }

    /// Runs a command that may stop at a conflict, and gives up where it does.
    fn attempt(&mut self, words: &[&str], command: &str) {
        let (done, _) = self.sandbox.attempt(words);
        if !done {
            let _ = self.sandbox.attempt(&[command, "--abort"]);
            self.sandbox.git("reset --quiet --hard");
        }
    }

    fn lines(&mut self, words: &[&str]) -> Vec<String> {
        self.sandbox.run(words).lines().map(str::to_owned).collect()
    }

    /// What a revision renders without variants, told by the names of its blobs.
    fn content(&mut self, revision: &str) -> Vec<String> {
        let mut blobs: Vec<String> = self
            .lines(&["ls-tree", "-r", revision])
            .into_iter()
            .filter(|line| line.contains(".yaml") && !line.contains("variants/"))
            .filter_map(|line| line.split_whitespace().nth(2).map(str::to_owned))
            .collect();
        blobs.sort();
        blobs
    }

    /// What holds of every history.
    fn check_any(&mut self) -> Promotion {
        let promotion = self.sandbox.look().remove(0);
        assert_eq!(promotion.gaps, []);
        let (fast_forward, _) = self.sandbox.attempt(&["merge-base", "--is-ancestor", "prod", "staging"]);
        assert_eq!(promotion.fast_forward, Some(fast_forward), "fast-forward");
        let counts = self.sandbox.git("rev-list --left-right --count prod...staging");
        let told = format!("{}\t{}", promotion.ahead.unwrap_or(9999), promotion.behind.unwrap_or(9999));
        assert_eq!(told, counts, "ahead and behind");
        let same = self.content("prod") == self.content("staging")
            && self.sandbox.attempt(&["diff", "--quiet", "prod", "staging", "--", "variants"]).0;
        assert_eq!(promotion.state == PromotionState::InStep, same, "in step");
        assert_eq!(promotion.state == PromotionState::Diverged, !same && !fast_forward, "diverged");
        self.check_untested(&promotion);
        self.check_rolled_back(&promotion);
        let ahead = self.lines(&["rev-list", "staging..prod"]);
        assert!(revisions(&promotion.hotfixes).iter().all(|id| ahead.contains(id)), "hotfixes are ahead");
        let behind = self.lines(&["rev-list", "prod..staging"]);
        assert!(promotion.oldest_pending.iter().all(|oldest| behind.contains(&oldest.revision.to_string())), "pending");
        self.prod.insert(self.sandbox.git("rev-parse prod"));
        self.staging.insert(self.sandbox.git("rev-parse staging"));
        promotion
    }

    fn check_untested(&mut self, promotion: &Promotion) {
        let wanted = self.content("prod");
        let current = self.lines(&["rev-list", "staging"]);
        // Also what staging lost: driftd looks after every step, so it saw each tip.
        let ever: Vec<String> = self.staging.iter().cloned().chain(["staging".to_owned()]).collect();
        let words: Vec<&str> = ["rev-list"].into_iter().chain(ever.iter().map(String::as_str)).collect();
        let ever = self.lines(&words);
        let stood = current.iter().chain(&ever).any(|revision| self.content(revision) == wanted);
        assert_eq!(promotion.untested.is_empty(), stood, "untested");
    }

    fn check_rolled_back(&mut self, promotion: &Promotion) {
        let mut words: Vec<String> = vec!["rev-list".into()];
        words.extend(self.prod.iter().cloned());
        words.extend(["--not".into(), "prod".into()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let lost = if self.prod.is_empty() { Vec::new() } else { self.lines(&words) };
        assert!(
            revisions(&promotion.rolled_back).iter().all(|id| lost.contains(id)),
            "only lost commits are rolled back"
        );
    }

    /// What holds where nothing was ever taken back: every value has one origin.
    fn check_forward(&mut self, promotion: &Promotion) {
        let there = self.values_of("staging");
        let tip = self.current("prod");
        let mut expected = BTreeSet::new();
        for id in self.lines(&["rev-list", "--no-merges", "staging..prod"]) {
            let brought = self.set_by(&id);
            if brought.iter().any(|(key, value)| !there.contains(value) && !there.contains(&tip[key])) {
                expected.insert(id);
            }
        }
        let found: BTreeSet<String> = revisions(&promotion.hotfixes).into_iter().collect();
        assert_eq!(found, expected, "hotfixes");
        if promotion.state == PromotionState::InStep {
            assert_eq!(promotion.oldest_pending, None);
            return;
        }
        let here = self.values_of("prod");
        let known = self.current("staging");
        let cherry = self.lines(&["cherry", "prod", "staging"]);
        let pending: Vec<String> = self
            .lines(&["rev-list", "--no-merges", "--reverse", "--date-order", "prod..staging"])
            .into_iter()
            .filter(|id| {
                let brought = self.set_by(id);
                let had = brought.iter().all(|(key, value)| here.contains(value) || here.contains(&known[key]));
                cherry.contains(&format!("+ {id}")) && (brought.is_empty() || !had)
            })
            .collect();
        let oldest = promotion.oldest_pending.as_ref().map(|oldest| oldest.revision.to_string());
        if let Some(first) = pending.first() {
            assert_eq!(oldest.as_ref(), Some(first), "oldest pending");
        }
    }

    /// Every value that the history of a branch ever held.
    fn values_of(&mut self, branch: &str) -> BTreeSet<String> {
        let patches = self.lines(&["log", "--format=", "-p", "-m", "-U0", branch, "--", "a.yaml", "b.yaml"]);
        patches.iter().filter_map(|line| value(line.strip_prefix('+')?)).map(|(_, value)| value).collect()
    }

    /// What a commit sets.
    fn set_by(&mut self, id: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for file in FILES {
            let patch = self.lines(&["show", "--format=", "-U0", id, "--", file]);
            let lines = patch.iter().filter_map(|line| value(line.strip_prefix('+')?));
            found.extend(lines.map(|(key, value)| (format!("{file} {key}"), value)));
        }
        found
    }

    fn current(&mut self, branch: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for file in FILES {
            let lines = self.lines(&["show", &format!("{branch}:{file}")]);
            found.extend(
                lines.iter().filter_map(|line| value(line)).map(|(key, value)| (format!("{file} {key}"), value)),
            );
        }
        found
    }
}

/// The key and value of a line that sets one of the keys.
fn value(line: &str) -> Option<(String, String)> {
    let (key, value) = line.trim_start().split_once(": ")?;
    KEYS.contains(&key).then(|| (key.to_owned(), value.to_owned()))
}

fn revisions(notes: &[CommitNote]) -> Vec<String> {
    notes.iter().map(|note| note.revision.to_string()).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Forward,
    Any,
}

/// Performs the steps and checks after each; tells what failed.
fn play(steps: &[Step], kind: Kind) -> Result<(), String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut history = History::new();
        for step in steps {
            history.perform(*step);
            let promotion = history.check_any();
            if kind == Kind::Forward {
                history.check_forward(&promotion);
            }
        }
    }));
    outcome.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

/// The fewest steps that still fail, found by leaving out one after the other.
fn shortest(mut steps: Vec<Step>, kind: Kind) -> Vec<Step> {
    let mut index = 0;
    while index < steps.len() {
        let mut fewer = steps.clone();
        fewer.remove(index);
        if play(&fewer, kind).is_err() {
            steps = fewer;
        } else {
            index += 1;
        }
    }
    steps
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

fn check(kind: Kind) {
    let seed = setting("DRIFTD_SEED", 7);
    for case in 0..setting("DRIFTD_CASES", CASES) {
        let mut numbers = Numbers(Random::new(seed.wrapping_mul(1_000_003).wrapping_add(case)));
        let steps: Vec<Step> = (0..STEPS)
            .map(|_| match kind {
                Kind::Forward => numbers.forward(),
                Kind::Any => numbers.any(),
            })
            .collect();
        if let Err(failure) = play(&steps, kind) {
            let steps = shortest(steps, kind);
            let again = play(&steps, kind).expect_err("it failed before");
            panic!("seed {seed}, case {case}: {failure}\nthe shortest: {again}\n{steps:#?}");
        }
    }
    println!("seed {seed}: every {kind:?} history agrees with git");
}

#[test]
fn histories_that_only_go_on_agree_with_git() {
    check(Kind::Forward);
}

#[test]
fn histories_with_reverts_resets_renames_and_conflicts_agree_with_git() {
    check(Kind::Any);
}
