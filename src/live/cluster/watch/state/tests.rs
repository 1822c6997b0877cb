//! Every answer that a server may give, and what a watch makes of it.

use serde_json::json;

use super::*;
use crate::drift::model::{Declared, Redactor, Stage};

fn gap(reason: GapReason) -> Gap {
    Gap { stage: Stage::Watch, scope: "v1/ConfigMap in a".into(), reason, message: "why".into(), source: None }
}

fn live(name: &str, version: &str) -> Live {
    let object = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "a", "resourceVersion": version},
    });
    Declared::new(object, &Redactor::new(&[1; 32])).unwrap().into()
}

fn applied(name: &str, version: &str) -> Input {
    Input::Event(Event::Applied(Box::new(live(name, version))))
}

fn deleted(name: &str, version: &str) -> Input {
    Input::Event(Event::Deleted { key: live(name, version).key, resource_version: version.to_owned() })
}

fn bookmark(version: &str) -> Input {
    Input::Event(Event::Bookmark { resource_version: version.to_owned(), ends_initial_events: false })
}

fn end_of_initial_events(version: &str) -> Input {
    Input::Event(Event::Bookmark { resource_version: version.to_owned(), ends_initial_events: true })
}

fn error(status: u16) -> Input {
    Input::Event(Event::Error { status, retry_after: None, gap: gap(GapReason::Failed) })
}

fn refused(status: u16) -> Input {
    let reason = if status == 403 { GapReason::Forbidden } else { GapReason::Failed };
    Input::Refused { status: Some(status), retry_after: None, gap: gap(reason) }
}

fn unreachable() -> Input {
    Input::Refused { status: None, retry_after: None, gap: gap(GapReason::Unreachable) }
}

fn ended_after(seconds: u64) -> Input {
    Input::Ended { lasted: Duration::from_secs(seconds), gap: gap(GapReason::Failed) }
}

fn page(names: &[&str], next: &str) -> Input {
    let objects = names.iter().map(|name| live(name, "1")).collect();
    Input::Page { objects, next: next.to_owned(), resource_version: "40".to_owned() }
}

/// What was told, in words.
fn words(told: &[Told]) -> Vec<String> {
    let word = |told: &Told| match told {
        Told::Begins => "begins".to_owned(),
        Told::Applied(live) => format!("applied {}", live.key.name),
        Told::Deleted(key) => format!("deleted {}", key.name),
        Told::Complete => "complete".to_owned(),
        Told::Heard => "heard".to_owned(),
        Told::Lost(gap) => format!("lost: {}", gap.reason.as_str()),
    };
    told.iter().map(word).collect()
}

/// What is told on the way through `inputs`, and what is to be done after the last.
fn run(watch: &mut Watch, inputs: Vec<Input>) -> (Vec<String>, Next) {
    let (mut told, mut next) = (Vec::new(), Next::Read);
    for input in inputs {
        let (one, after) = watch.take(input);
        told.extend(words(&one));
        next = after;
    }
    (told, next)
}

/// A watch that knows one object as of version 40.
fn following() -> Watch {
    let mut watch = Watch::new();
    run(&mut watch, vec![Input::Opened, applied("one", "7"), end_of_initial_events("40")]);
    assert_eq!(watch.request(), since("40"));
    watch
}

fn since(version: &str) -> Request {
    Request::Changes { since: version.to_owned() }
}

fn first_page() -> Request {
    Request::Page { next: String::new() }
}

#[test]
fn a_streaming_list_is_complete_at_its_bookmark_and_not_before() {
    let mut watch = Watch::new();
    assert_eq!(watch.request(), Request::Stream);
    let inputs = vec![Input::Opened, applied("one", "7"), bookmark("8"), applied("two", "5")];
    assert_eq!(
        run(&mut watch, inputs),
        (["begins", "applied one", "applied two"].map(String::from).into(), Next::Read)
    );
    assert!(!watch.is_following());
    assert_eq!(run(&mut watch, vec![end_of_initial_events("40")]).0, ["complete"]);
    assert!(watch.is_following());
    let inputs = vec![applied("one", "41"), bookmark("50"), deleted("two", "51")];
    assert_eq!(run(&mut watch, inputs).0, ["applied one", "heard", "deleted two"]);
    assert_eq!(watch.request(), since("51"));
}

#[test]
fn an_answer_that_ends_goes_on_at_once_where_it_ended() {
    let mut watch = following();
    let (told, next) = run(&mut watch, vec![applied("one", "44"), ended_after(300)]);
    assert_eq!((told, next), (vec!["applied one".to_owned()], Next::Restart(Restart::Ended)));
    assert_eq!((watch.request(), watch.pause(1.0)), (since("44"), Duration::ZERO));
    run(&mut watch, vec![Input::Opened, ended_after(300)]);
    assert_eq!((watch.request(), watch.pause(1.0)), (since("44"), Duration::ZERO));
}

#[test]
fn answers_that_end_at_once_and_empty_are_asked_for_ever_more_slowly() {
    let mut watch = following();
    let pauses: Vec<_> = (0..3)
        .map(|_| {
            run(&mut watch, vec![Input::Opened, ended_after(0)]);
            watch.pause(1.0)
        })
        .collect();
    assert_eq!(pauses, [500, 1000, 2000].map(Duration::from_millis));
    assert_eq!(watch.request(), since("40"));
    run(&mut watch, vec![Input::Opened, bookmark("41")]);
    assert_eq!(watch.pause(1.0), Duration::ZERO);
}

#[test]
fn an_initial_list_that_is_cut_short_begins_again_and_is_told_as_lost() {
    let mut watch = Watch::new();
    let (told, next) = run(&mut watch, vec![Input::Opened, applied("one", "7"), ended_after(300)]);
    assert_eq!(told, ["begins", "applied one", "lost: failed"]);
    assert_eq!((next, watch.request()), (Next::Restart(Restart::Ended), Request::Stream));
    assert!(watch.pause(0.0) > Duration::ZERO);
    let inputs = vec![Input::Opened, applied("two", "8"), end_of_initial_events("9")];
    assert_eq!(run(&mut watch, inputs).0, ["begins", "applied two", "complete"]);
}

#[test]
fn a_version_that_is_too_old_begins_a_new_list_at_once() {
    for input in [error(410), refused(410)] {
        let mut watch = following();
        assert_eq!(run(&mut watch, vec![input]), (vec![], Next::Restart(Restart::Expired)));
        assert_eq!((watch.request(), watch.pause(1.0)), (Request::Stream, Duration::ZERO));
    }
}

#[test]
fn a_list_that_expires_again_and_again_is_not_asked_for_in_a_loop() {
    let mut watch = following();
    run(&mut watch, vec![error(410)]);
    let (told, _) = run(&mut watch, vec![error(410)]);
    assert_eq!(told, ["lost: failed"]);
    assert!(watch.pause(0.0) > Duration::ZERO);
}

#[test]
fn a_server_that_does_not_stream_lists_is_asked_for_pages() {
    for status in [400, 405, 422] {
        let mut watch = Watch::new();
        assert_eq!(run(&mut watch, vec![refused(status)]), (vec![], Next::Restart(Restart::Refused)));
        assert_eq!((watch.request(), watch.pause(1.0)), (first_page(), Duration::ZERO));
        assert_eq!(run(&mut watch, vec![page(&["one"], "more")]).0, ["begins", "applied one"]);
        assert_eq!(watch.request(), Request::Page { next: "more".to_owned() });
        let (told, next) = run(&mut watch, vec![page(&["two"], "")]);
        assert_eq!((told, next), (["applied two", "complete"].map(String::from).into(), Next::Continue));
        assert_eq!(watch.request(), since("40"));
        run(&mut watch, vec![error(410)]);
        assert_eq!(watch.request(), first_page(), "it is remembered");
    }
}

#[test]
fn a_server_that_takes_a_streaming_list_for_a_plain_watch_is_asked_for_pages() {
    let mut watch = Watch::new();
    let silent = Input::Silent(gap(GapReason::Failed));
    let (told, next) = run(&mut watch, vec![Input::Opened, applied("one", "7"), silent]);
    assert_eq!((told.last().unwrap().as_str(), next), ("lost: failed", Next::Restart(Restart::Silent)));
    assert_eq!(watch.request(), first_page());
}

#[test]
fn a_token_that_expires_between_two_pages_begins_the_list_again() {
    let mut watch = Watch::new();
    run(&mut watch, vec![refused(422), page(&["one"], "more"), refused(410)]);
    assert_eq!((watch.request(), watch.pause(1.0)), (first_page(), Duration::ZERO));
    assert_eq!(run(&mut watch, vec![page(&["one"], "")]).0, ["begins", "applied one", "complete"]);
}

#[test]
fn a_right_that_is_missing_is_told_once_and_tried_again() {
    let mut watch = following();
    let (told, next) = run(&mut watch, vec![refused(403), refused(403), refused(403), refused(403)]);
    assert_eq!((told, next), (vec!["lost: forbidden".to_owned()], Next::Restart(Restart::Refused)));
    assert_eq!(watch.request(), since("40"), "what is known stays known");
    assert_eq!(run(&mut watch, vec![Input::Opened, bookmark("60")]).0, ["heard"]);
    assert_eq!(run(&mut watch, vec![refused(403)]).0, ["lost: forbidden"], "and told anew");
}

#[test]
fn a_server_that_is_gone_is_told_and_found_again_where_it_was_left() {
    let mut watch = following();
    let (told, next) = run(&mut watch, vec![unreachable(), unreachable(), refused(403)]);
    assert_eq!(told, ["lost: unreachable", "lost: forbidden"]);
    assert_eq!((next, watch.request()), (Next::Restart(Restart::Refused), since("40")));
}

#[test]
fn a_kind_that_is_no_longer_served_counts_anew_when_it_is_back() {
    let mut watch = following();
    assert_eq!(run(&mut watch, vec![refused(404)]).0, ["lost: failed"]);
    assert_eq!(watch.request(), Request::Stream);
}

#[test]
fn a_version_that_the_server_does_not_know_is_given_up_in_the_end() {
    let mut watch = following();
    run(&mut watch, vec![refused(504), error(504)]);
    assert_eq!(watch.request(), since("40"));
    run(&mut watch, vec![refused(504)]);
    assert_eq!(watch.request(), Request::Stream);
}

#[test]
fn a_throttled_watch_waits_as_long_as_it_is_told_within_reason() {
    let throttled = |seconds| Input::Refused {
        status: Some(429),
        retry_after: Some(Duration::from_secs(seconds)),
        gap: gap(GapReason::Failed),
    };
    let mut watch = following();
    for (asked_for, waited) in [(7, 7), (86_400, 120)] {
        run(&mut watch, vec![throttled(asked_for)]);
        assert_eq!((watch.pause(0.5), watch.request()), (Duration::from_secs(waited), since("40")));
    }
    run(&mut watch, vec![Input::Opened, bookmark("41")]);
    assert_eq!(watch.pause(0.5), Duration::ZERO);
}

#[test]
fn what_cannot_be_read_is_never_passed_over() {
    let mut watch = following();
    let (told, next) = run(&mut watch, vec![Input::Unreadable(gap(GapReason::Failed))]);
    assert_eq!((told, next), (vec!["lost: failed".to_owned()], Next::Restart(Restart::Unreadable)));
    assert_eq!(watch.request(), Request::Stream, "everything is asked for again");
}

#[test]
fn a_silent_server_is_asked_again_where_it_fell_silent() {
    let mut watch = following();
    let silent = Input::Silent(gap(GapReason::Failed));
    assert_eq!(run(&mut watch, vec![silent]), (vec![], Next::Restart(Restart::Silent)));
    assert_eq!((watch.request(), watch.pause(1.0)), (since("40"), Duration::ZERO));
}

#[test]
fn pauses_double_up_to_half_a_minute_and_differ_by_chance() {
    let mut watch = Watch::new();
    let longest: Vec<_> = (0..8)
        .map(|_| {
            run(&mut watch, vec![unreachable()]);
            watch.pause(1.0).as_millis()
        })
        .collect();
    assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    assert_eq!(watch.pause(0.0), Duration::from_secs(15));
    for _ in 0..100 {
        run(&mut watch, vec![unreachable()]);
    }
    assert_eq!(watch.pause(1.0), LONGEST_PAUSE);
}
