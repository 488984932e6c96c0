//! [UpdateInboxRules](https://learn.microsoft.com/exchange/client-developer/web-service-reference/updateinboxrules-operation):
//! one change of the rules of a mailbox.
//!
//! Outlook keeps rules of its own in a hidden message, and a server refuses every change while it is there, or
//! deletes it (`RemoveOutlookRuleBlob`), with the rules that are kept nowhere else. Nothing here decides that.

use exchange::rule::RuleChange;
use exchange::{Error, Mailbox};

use crate::answer::Message;
use crate::code::shown;
use crate::failure::{Effect, Failure};
use crate::op::Operation;
use crate::rule;
use crate::xml::{Pull, Reader, Writer};

/// A change.
pub(crate) struct UpdateInboxRules<'a> {
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) change: &'a RuleChange,
    pub(crate) lose_client_rules: bool,
}

impl Operation for UpdateInboxRules<'_> {
    const NAME: &'static str = "UpdateInboxRules";
    const ANSWER: &'static str = "UpdateInboxRulesResponse";
    const EFFECT: Effect = Effect::Changes;
    const BARE: bool = true;
    type Output = ();

    fn write(&self, out: &mut Writer) {
        out.open("m:UpdateInboxRules", &[]);
        out.exact("m:MailboxSmtpAddress", self.mailbox.as_str());
        out.word("m:RemoveOutlookRuleBlob", if self.lose_client_rules { "true" } else { "false" });
        out.open("m:Operations", &[]);
        match self.change {
            RuleChange::Create(rule) => {
                out.open("t:CreateRuleOperation", &[]);
                rule::write(out, rule);
                out.close("t:CreateRuleOperation");
            }
            RuleChange::Set(rule) => {
                out.open("t:SetRuleOperation", &[]);
                rule::write(out, rule);
                out.close("t:SetRuleOperation");
            }
            RuleChange::Remove(id) => {
                out.open("t:DeleteRuleOperation", &[]);
                out.exact("t:RuleId", id);
                out.close("t:DeleteRuleOperation");
            }
        }
        out.close("m:Operations");
        out.close("m:UpdateInboxRules");
    }

    async fn read<P: Pull>(self, reader: &mut Reader<P>) -> Result<(), Failure> {
        let mut message = Message::begin(reader);
        let mut said = None;
        while reader.child().await? {
            match reader.name() {
                b"RuleOperationErrors" => {
                    let found = reasons(reader).await?;
                    said = said.or(found);
                }
                _ => message.other(reader).await?,
            }
        }
        match (message.finish(Self::NAME, Self::EFFECT), said) {
            (Err(mut error), Some((code, text))) => {
                error.message = format!("{}: {} ({})", error.message, shown(&text, 200), shown(&code, 80));
                if code == "RuleNotFound" {
                    error.kind = exchange::ErrorKind::NotFound;
                }
                Err(error.into())
            }
            (Ok(()), Some((code, text))) => Err(Error::new(
                exchange::ErrorKind::Invalid,
                format!("{}: the rule was refused: {} ({})", Self::NAME, shown(&text, 200), shown(&code, 80)),
            )
            .with_code(code)
            .into()),
            (result, None) => Ok(result?),
        }
    }
}

/// Code and words of the first reason why an operation was refused.
async fn reasons<P: Pull>(reader: &mut Reader<P>) -> Result<Option<(String, String)>, Failure> {
    let mut first = None;
    // RuleOperationErrors / RuleOperationError / ValidationErrors / Error
    while reader.child().await? {
        while reader.child().await? {
            if reader.name() != b"ValidationErrors" {
                reader.skip().await?;
                continue;
            }
            while reader.child().await? {
                let (mut code, mut text) = (String::new(), String::new());
                while reader.child().await? {
                    match reader.name() {
                        b"ErrorCode" => code = reader.text().await?.trim().to_owned(),
                        b"ErrorMessage" => text = reader.text().await?.trim().to_owned(),
                        _ => reader.skip().await?,
                    }
                }
                first.get_or_insert((code, text));
            }
        }
    }
    Ok(first)
}
