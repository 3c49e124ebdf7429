-- One row per ticket, removed ones left out, credit in euros.
select
    ticket_id,
    customer_id,
    subject,
    priority,
    ticket_status,
    satisfaction_score,
    credit_amount,
    opened_at,
    closed_at
from truth.support_tickets
order by ticket_id
