//! [GetInboxRules](https://learn.microsoft.com/exchange/client-developer/web-service-reference/getinboxrules-operation):
//! the rules of a mailbox, without those that are hidden or known to one mail client only.

use exchange::Mailbox;
use exchange::rule::Rules;

use crate::answer::Message;
use crate::failure::{Effect, Failure};
use crate::malformed::Reason;
use crate::op::Operation;
use crate::rule;
use crate::xml::{Pull, Reader, Writer};

/// A look at the rules.
pub(crate) struct GetInboxRules<'a> {
    pub(crate) mailbox: &'a Mailbox,
}

impl Operation for GetInboxRules<'_> {
    const NAME: &'static str = "GetInboxRules";
    const ANSWER: &'static str = "GetInboxRulesResponse";
    const EFFECT: Effect = Effect::Reads;
    const BARE: bool = true;
    type Output = Rules;

    fn write(&self, out: &mut Writer) {
        out.open("m:GetInboxRules", &[]);
        out.exact("m:MailboxSmtpAddress", self.mailbox.as_str());
        out.close("m:GetInboxRules");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<Rules, Failure> {
        let mut message = Message::begin(reader);
        let mut found = Rules::default();
        while reader.child().await? {
            match reader.name() {
                b"OutlookRuleBlobExists" => {
                    found.client_rules = reader.boolean("OutlookRuleBlobExists").await?;
                }
                b"InboxRules" => {
                    while reader.child().await? {
                        if found.rules.len() >= rule::MOST {
                            return Err(
                                reader.error(Reason::Count { asked: rule::MOST, got: rule::MOST + 1 })
                            );
                        }
                        found.rules.push(rule::read(reader).await?);
                    }
                }
                _ => message.other(reader).await?,
            }
        }
        message.finish(Self::NAME, Self::EFFECT)?;
        found.rules.sort_by_key(|rule| rule.priority);
        Ok(found)
    }
}
