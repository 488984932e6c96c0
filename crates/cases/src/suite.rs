//! A playbook with everything that all its cases share, so that it is checked once and not once a case.

use std::collections::BTreeMap;
use std::sync::Arc;

use expr::Type;
use plan::Plan;
use playbook::Actions;

use crate::coverage::Coverage;
use crate::expect::{Known, case_problems};
use crate::file::Case;
use crate::sites::Sites;

/// A checked playbook, ready for its cases.
pub struct Suite {
    pub(crate) plan: Arc<Plan>,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) sites: Sites,
}

impl Suite {
    /// `name` is what messages call the playbook, `text` the whole file that `plan` was made of.
    pub fn new(plan: Arc<Plan>, name: &str, text: &str) -> Self {
        let sites = Sites::new(&plan);
        Suite { plan, name: name.to_owned(), text: text.to_owned(), sites }
    }

    /// The playbook.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// Whether the playbook has a step of this id or path.
    pub fn has_step(&self, step: &str) -> bool {
        self.sites.path_of(step).is_some() || self.sites.at(step).is_some()
    }

    /// Everything in a case that can be found wrong before it is played: names that are not there, and stubs that
    /// answer what the action could not. `world` are the types of the names that only the surroundings know.
    pub fn problems(
        &self,
        case: &Case,
        actions: &dyn Actions,
        world: &BTreeMap<String, Type>,
    ) -> Vec<String> {
        let known = Known::new(&self.plan, &self.sites, actions, world);
        let mut problems = case_problems(case, &self.plan, actions);
        problems.extend(case.expect.iter().flat_map(|expectation| known.problems(expectation)));
        problems
    }

    /// Nothing covered yet.
    pub fn coverage(&self) -> Coverage {
        Coverage::new(&self.plan, &self.text)
    }
}
