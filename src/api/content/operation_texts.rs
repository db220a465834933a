//! The texts of the steps of the life cycle in the OpenAPI document.

use crate::editorial::lifecycle::Operation;

/// Returns the summary and the description of an operation. `{}` stands for the noun with its article.
pub fn operation_texts(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Submit => (
            "Submit {} for review",
            "Puts the draft, or the working draft, in review and returns the item. Fails with 409 when there is no \
             draft to submit, or it is in review or scheduled already.",
        ),
        Operation::Withdraw => (
            "Withdraw {} from review",
            "Takes the submission back and returns the item, whose text is a draft again. Fails with 409 when the \
             item is not in review.",
        ),
        Operation::Reject => (
            "Reject {} in review",
            "Returns the submission to its author: the text is a draft again, and `reason` is added to the item as a \
             comment. Fails with 409 when the item is not in review.",
        ),
        Operation::Publish => (
            "Publish {}",
            "Publishes the item, or replaces its public text with that of its working draft, and returns it. A \
             scheduled publication is removed. Fails with 409 when the item is published and has no working draft, \
             and with 422 when it lacks something that publication requires; `errors` lists what.",
        ),
        Operation::Schedule { .. } => (
            "Schedule {}",
            "Schedules the publication of the item, its unpublication, or both, and returns the item. Times that were \
             set before are replaced. Fails with 409 when there is nothing to publish, or, with `unpublish_at` alone, \
             when the item is not published; and with 422 when a time is in the past or the item lacks something that \
             publication requires.",
        ),
        Operation::Unschedule => (
            "Unschedule {}",
            "Removes the scheduled publication and unpublication and returns the item; a scheduled text is a draft \
             again. Fails with 409 when nothing is scheduled.",
        ),
        Operation::Unpublish => (
            "Unpublish {}",
            "Makes a published or archived item a draft with the text that was public, and returns it. A working \
             draft is kept, and is the text that `publish` publishes next. Fails with 409 when the item is a draft \
             already.",
        ),
        Operation::Archive => (
            "Archive {}",
            "Archives the item and returns it: it is kept, but clients no longer see it. Its schedule is removed, and \
             a working draft is kept. Fails with 409 when the item is archived already.",
        ),
        Operation::Discard => (
            "Discard the working draft of {}",
            "Deletes the working draft and returns the item, whose own text does not change. The history keeps the \
             draft. Discarding the draft of another account, or one that is scheduled, requires the permission to \
             publish. Fails with 409 when the item has no working draft.",
        ),
        Operation::Trash => (
            "Move {} to the trash",
            "Moves the item to the trash and returns it. Fails with 409 when it is there already.",
        ),
        Operation::Restore => (
            "Restore {} from the trash",
            "Takes the item out of the trash, in the state that it had, and returns it. Its schedule is not restored. \
             Fails with 409 when the item is not in the trash.",
        ),
    }
}

/// Returns the operation id and the summary of a step of the review.
pub fn review_step(operation: Operation) -> Option<(&'static str, &'static str)> {
    match operation {
        Operation::Submit => Some(("submitItem", "Submit an item for review")),
        Operation::Withdraw => Some(("withdrawItem", "Withdraw an item from review")),
        Operation::Reject => Some(("rejectItem", "Return a submitted item to its author")),
        _ => None,
    }
}
