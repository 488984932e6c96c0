//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/searchmailboxes-operation>
//!
//! A query is words that all have to be in the subject or the text. An archive is searched
//! where it is asked for.

use sha2::{Digest, Sha256};

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::out::Out;
use super::super::xml::Element;
use super::get_searchable_mailboxes::allowed;
use crate::model::compose::hex;
use crate::model::item::Item;
use crate::model::people::{matches, reference};

const NAME: &str = "SearchMailboxes";

/// A hit: the address of its mailbox, that mailbox's reference, and the item.
type Hit<'s> = (String, String, &'s Item);

pub(crate) fn answer(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&[
        "SearchQueries",
        "ResultType",
        "PreviewItemResponseShape",
        "SortBy",
        "Language",
        "Deduplication",
        "PageSize",
        "PageItemReference",
        "PageDirection",
    ])?;
    let result = request.required("ResultType")?;
    let preview = match result.text().trim() {
        "PreviewOnly" => true,
        "StatisticsOnly" => false,
        other => {
            return Err(
                result.violation(&format!("The 'ResultType' element is invalid - The value '{other}'."))
            );
        }
    };
    if let Err(error) = allowed(call) {
        call.refuse(NAME, &error, "");
        return Ok(());
    }
    let unique = request.child("Deduplication").map(Element::flag).transpose()?.unwrap_or(false);
    let size = request.child("PageSize").and_then(|size| size.text().trim().parse().ok()).unwrap_or(100);
    let after = request.child("PageItemReference").map(Element::text);
    let queries: Vec<Element<'_>> = request.required("SearchQueries")?.children().collect();
    call.success(NAME);
    let Call { state, out, .. } = call;
    let (mut hits, mut failed, mut keywords): (Vec<Hit<'_>>, _, _) = (Vec::new(), Vec::new(), Vec::new());
    for query in &queries {
        query.sequence(&["Query", "MailboxSearchScopes"])?;
        let words = query.required("Query")?.text();
        let before = hits.len();
        for scope in query.required("MailboxSearchScopes")?.children() {
            scope.sequence(&["Mailbox", "SearchScope", "ExtendedAttributes"])?;
            let (named, part) = (scope.required("Mailbox")?.text(), scope.required("SearchScope")?.text());
            let archive = part.trim() == "ArchiveOnly";
            let both = part.trim() == "All";
            let mailbox = state.mailboxes.values().find(|mailbox| reference(mailbox) == named);
            match mailbox {
                _ if words.trim().is_empty() => {
                    failed.push((named, "The search query can't be empty.", archive))
                }
                None => failed.push((named, "The mailbox was not found.", archive)),
                Some(mailbox) => hits.extend(
                    mailbox
                        .items
                        .values()
                        .filter(|item| both || mailbox.is_archived(item.folder) == archive)
                        .filter(|item| matches(item, &words))
                        .map(|item| (mailbox.address.clone(), reference(mailbox), item)),
                ),
            }
        }
        let found = hits.get(before..).unwrap_or_default();
        keywords.push((words, found.len(), total(found)));
    }
    hits.sort_by(|a, b| b.2.received.cmp(&a.2.received).then_with(|| a.2.id.cmp(&b.2.id)));
    if unique {
        let mut seen = std::collections::BTreeSet::new();
        hits.retain(|(_, _, item)| seen.insert(hash(item)));
    }
    let from = after.and_then(|after| hits.iter().position(|hit| hit.2.id == after)).map_or(0, |at| at + 1);
    let page: Vec<&Hit<'_>> = hits.iter().skip(from).take(if preview { size } else { 0 }).collect();
    out.raw("<m:SearchMailboxesResult>");
    echo(out, &queries)?;
    out.element("t:ResultType", if preview { "PreviewOnly" } else { "StatisticsOnly" });
    out.element("t:ItemCount", &hits.len().to_string());
    out.element("t:Size", &total(&hits).to_string());
    out.element("t:PageItemCount", &page.len().to_string());
    let of_page: usize = page.iter().map(|hit| hit.2.raw.len()).sum();
    out.element("t:PageItemSize", &of_page.to_string());
    if preview {
        out.raw("<t:Items>");
        page.iter().for_each(|hit| write(out, hit));
        out.raw("</t:Items>");
    } else {
        out.raw("<t:KeywordStats>");
        for (words, items, bytes) in &keywords {
            out.raw("<t:KeywordStat>");
            out.element("t:Keyword", words);
            out.element("t:ItemHits", &items.to_string());
            out.element("t:Size", &bytes.to_string());
            out.raw("</t:KeywordStat>");
        }
        out.raw("</t:KeywordStats>");
    }
    if !failed.is_empty() {
        out.raw("<t:FailedMailboxes>");
        for (mailbox, words, archive) in &failed {
            out.raw("<t:FailedMailbox>");
            out.element("t:Mailbox", mailbox);
            out.raw("<t:ErrorCode>0</t:ErrorCode>");
            out.element("t:ErrorMessage", words);
            out.element("t:IsArchive", if *archive { "true" } else { "false" });
            out.raw("</t:FailedMailbox>");
        }
        out.raw("</t:FailedMailboxes>");
    }
    out.raw("</m:SearchMailboxesResult>");
    call.end(NAME);
    Ok(())
}

fn total(hits: &[Hit<'_>]) -> usize {
    hits.iter().map(|hit| hit.2.raw.len()).sum()
}

fn hash(item: &Item) -> String {
    hex(&Sha256::digest(&item.raw), 16)
}

/// A server repeats what it was asked.
fn echo(out: &mut Out, queries: &[Element<'_>]) -> Result<(), SoapFault> {
    out.raw("<t:SearchQueries>");
    for query in queries {
        out.raw("<t:MailboxQuery>");
        out.element("t:Query", &query.required("Query")?.text());
        out.raw("<t:MailboxSearchScopes>");
        for scope in query.required("MailboxSearchScopes")?.children() {
            out.raw("<t:MailboxSearchScope>");
            out.element("t:Mailbox", &scope.required("Mailbox")?.text());
            out.element("t:SearchScope", scope.required("SearchScope")?.text().trim());
            out.raw("</t:MailboxSearchScope>");
        }
        out.raw("</t:MailboxSearchScopes></t:MailboxQuery>");
    }
    out.raw("</t:SearchQueries>");
    Ok(())
}

/// In the order of the schema.
fn write(out: &mut Out, (address, reference, item): &Hit<'_>) {
    out.raw("<t:SearchPreviewItem><t:Id Id=\"");
    out.text(&item.id);
    out.raw("\" ChangeKey=\"");
    out.text(&item.change_key());
    out.raw("\"/><t:Mailbox>");
    out.element("t:MailboxId", reference);
    out.element("t:PrimarySmtpAddress", address);
    out.raw("</t:Mailbox>");
    out.element("t:ItemClass", &item.item_class);
    out.element("t:UniqueHash", &hash(item));
    out.element("t:SortValue", &item.id);
    if let Some(from) = &item.mail.from {
        out.element("t:Sender", &from.address);
    }
    if !item.mail.to.is_empty() {
        out.raw("<t:ToRecipients>");
        item.mail.to.iter().for_each(|to| out.element("t:SmtpAddress", &to.address));
        out.raw("</t:ToRecipients>");
    }
    out.element("t:CreatedTime", &item.created.to_string());
    out.element("t:ReceivedTime", &item.received.to_string());
    if let Some(sent) = item.mail.sent_at {
        out.element("t:SentTime", &sent.to_string());
    }
    out.element("t:Subject", item.mail.subject.as_deref().unwrap_or_default());
    out.element("t:Size", &item.raw.len().to_string());
    out.element("t:Importance", &item.importance);
    out.element("t:Read", if item.is_read { "true" } else { "false" });
    out.element("t:HasAttachment", if item.mail.has_attachments() { "true" } else { "false" });
    out.raw("</t:SearchPreviewItem>");
}
