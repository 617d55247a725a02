//! Campaigns in memory, as faithful as the doors can tell: an order is kept, a second one of its
//! phone joins, the same key is seen once, an end is an end.

use std::collections::HashMap;
use std::sync::Mutex;

use async_trait::async_trait;
use dozvon::callback::{Callbacks, How, Refused, Taken};
use dozvon::core::campaign::order::{Ending, Order, Stage, View};
use dozvon::core::ids::CampaignId;
use jiff::Timestamp;
use tokio::sync::watch;

#[derive(Default)]
pub struct Fake {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    campaigns: Vec<watch::Sender<View>>,
    keys: HashMap<String, CampaignId>,
    joined: Vec<Order>,
    broken: bool,
}

impl Fake {
    /// The store fails from now on, or works again.
    pub fn breaks(&self, broken: bool) {
        self.inner.lock().unwrap().broken = broken;
    }

    /// Every order that was taken, those that joined another at the end.
    pub fn orders(&self) -> Vec<Order> {
        let inner = self.inner.lock().unwrap();
        let begun = inner.campaigns.iter().map(|campaign| campaign.borrow().order.clone());
        begun.chain(inner.joined.iter().cloned()).collect()
    }

    /// How many are not over.
    pub fn open(&self) -> usize {
        let inner = self.inner.lock().unwrap();
        inner.campaigns.iter().filter(|campaign| !over(&campaign.borrow())).count()
    }

    /// The campaign of the newest order goes on to this stage.
    pub fn goes_on(&self, stage: Stage, next_try: Option<Timestamp>) {
        let inner = self.inner.lock().unwrap();
        inner.campaigns.last().unwrap().send_modify(|view| {
            view.stage = stage;
            view.next_try = next_try;
        });
    }
}

impl Inner {
    fn sound(&self) -> Result<(), Refused> {
        match self.broken {
            true => Err(Refused::Store("the disk is full".into())),
            false => Ok(()),
        }
    }

    fn find(&self, id: &CampaignId) -> Result<&watch::Sender<View>, Refused> {
        self.sound()?;
        self.campaigns.iter().find(|c| c.borrow().id == *id).ok_or(Refused::Unknown)
    }
}

fn over(view: &View) -> bool {
    matches!(view.stage, Stage::Over(_))
}

#[async_trait]
impl Callbacks for Fake {
    async fn take(&self, order: Order, key: Option<String>) -> Result<Taken, Refused> {
        let mut inner = self.inner.lock().unwrap();
        inner.sound()?;
        if let Some(id) = key.as_ref().and_then(|key| inner.keys.get(key)) {
            return Ok(Taken { id: id.clone(), how: How::Repeated });
        }
        let running = inner.campaigns.iter().find(|campaign| {
            let view = campaign.borrow();
            view.order.phone == order.phone && !over(&view)
        });
        let taken = match running {
            Some(campaign) => {
                campaign.send_modify(|view| view.joined += 1);
                let id = campaign.borrow().id.clone();
                inner.joined.push(order);
                Taken { id, how: How::Joined }
            }
            None => {
                let id = CampaignId::new(uuid::Uuid::new_v4().to_string());
                inner.campaigns.push(watch::Sender::new(View {
                    id: id.clone(),
                    order,
                    stage: Stage::Accepted,
                    accepted: Timestamp::now(),
                    next_try: None,
                    joined: 0,
                    tries: Vec::new(),
                }));
                Taken { id, how: How::New }
            }
        };
        if let Some(key) = key {
            inner.keys.insert(key, taken.id.clone());
        }
        Ok(taken)
    }

    async fn show(&self, id: &CampaignId) -> Result<View, Refused> {
        Ok(self.inner.lock().unwrap().find(id)?.borrow().clone())
    }

    async fn watch(&self, id: &CampaignId) -> Result<watch::Receiver<View>, Refused> {
        Ok(self.inner.lock().unwrap().find(id)?.subscribe())
    }

    async fn list(&self, open: bool, limit: u32) -> Result<Vec<View>, Refused> {
        let inner = self.inner.lock().unwrap();
        inner.sound()?;
        let all = inner.campaigns.iter().rev().map(|campaign| campaign.borrow().clone());
        Ok(all.filter(|view| !open || !over(view)).take(limit as usize).collect())
    }

    async fn cancel(&self, id: &CampaignId) -> Result<View, Refused> {
        let inner = self.inner.lock().unwrap();
        let campaign = inner.find(id)?;
        if over(&campaign.borrow()) {
            return Err(Refused::Over);
        }
        campaign.send_modify(|view| view.stage = Stage::Over(Ending::Cancelled));
        let view = campaign.borrow().clone();
        Ok(view)
    }
}
