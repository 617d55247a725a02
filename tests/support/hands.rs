//! What is told of legs, as a test reads it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use dozvon::core::ids::{CampaignId, Extension, LegId};
use dozvon::core::phone::Phone;
use dozvon::core::staff::Number;
use dozvon::switch::dialler::{Ear, End, Leg, LegEvent};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Hears of all legs, and gives what was told of each in its order.
pub struct Heard {
    ear: Ear,
    news: mpsc::UnboundedReceiver<(LegId, LegEvent)>,
    kept: HashMap<LegId, VecDeque<LegEvent>>,
    patience: Duration,
}

impl Heard {
    /// Waits so long for an event that must come.
    pub fn new(patience: Duration) -> Self {
        let (ear, news) = mpsc::unbounded_channel();
        Self { ear, news, kept: HashMap::new(), patience }
    }

    /// To be given to the hands.
    pub fn ear(&self) -> Ear {
        self.ear.clone()
    }

    /// The next of this leg; `None`: nothing within the time.
    pub async fn within(&mut self, leg: &LegId, wait: Duration) -> Option<LegEvent> {
        let next = async {
            loop {
                if let Some(event) = self.kept.get_mut(leg).and_then(VecDeque::pop_front) {
                    return event;
                }
                let (of, event) = self.news.recv().await.expect("it holds the sender itself");
                self.kept.entry(of).or_default().push_back(event);
            }
        };
        timeout(wait, next).await.ok()
    }

    /// The next of this leg.
    pub async fn next(&mut self, leg: &LegId) -> LegEvent {
        let patience = self.patience;
        self.within(leg, patience).await.unwrap_or_else(|| panic!("nothing was told of {leg}"))
    }

    /// The next of this leg is this.
    pub async fn is(&mut self, leg: &LegId, event: LegEvent) {
        assert_eq!(self.next(leg).await, event, "{leg}");
    }

    /// It rings and is answered.
    pub async fn is_answered(&mut self, leg: &LegId) {
        self.is(leg, LegEvent::Ringing).await;
        self.is(leg, LegEvent::Answered).await;
    }

    /// The end, over what comes before it.
    pub async fn end(&mut self, leg: &LegId) -> End {
        loop {
            if let LegEvent::Ended(end) = self.next(leg).await {
                return end;
            }
        }
    }
}

/// A line of the company.
pub fn line(text: &str) -> Number {
    Number::Line(Extension::parse(text).expect("digits"))
}

/// An outside number.
pub fn outside(text: &str) -> Number {
    Number::Outside(Phone::parse(text, Default::default()).expect("a number"))
}

/// A leg to this number, with a new id.
pub fn leg(number: Number) -> Leg {
    Leg {
        id: LegId::new(uuid::Uuid::new_v4().to_string()),
        campaign: CampaignId::new("c-1"),
        number,
        ring: Duration::from_secs(4),
        shown_name: "Иван Петров — перезвоните".to_owned(),
        shown_number: Phone::parse("+79161234567", Default::default()).ok(),
        patience: Duration::from_secs(60),
    }
}
