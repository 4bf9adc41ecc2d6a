"""Counts of accounts by the day from which they are dormant, kept by triggers; the indexes of the review page."""

import datetime

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.db import migrations, models

FILL = r"""
UPDATE accounts_review_assessment SET is_listed = false
    FROM accounts_review_account account
    WHERE account.id = account_id AND (account.absent_since IS NOT NULL OR account.gone_at IS NOT NULL);
UPDATE accounts_review_assessment SET never_used = true
    FROM accounts_review_account account
    WHERE account.id = account_id AND activity_field = 'joined_at'
        AND account.raw !~ '"last_(seen|login)_at"\s*:\s*("[^"]|[^"n\s])';
UPDATE accounts_review_previewedassessment SET never_used = true
    FROM accounts_review_account account
    WHERE account.id = account_id AND activity_field = 'joined_at'
        AND account.raw !~ '"last_(seen|login)_at"\s*:\s*("[^"]|[^"n\s])';
"""

COUNT = """
INSERT INTO accounts_review_dormancycount (workspace_id, segment, limit_days, standing, never_used, is_dated, day, count)
SELECT account.workspace_id, segment, limit_days, standing, never_used, activity_at IS NOT NULL, (dormant_from AT TIME ZONE 'UTC')::date, count(*)
    FROM accounts_review_assessment JOIN accounts_review_account account ON account.id = account_id
    WHERE is_listed
    GROUP BY 1, 2, 3, 4, 5, 6, 7;
"""

# Assessments are written in several ways: what follows from them is kept right here. A statement that changes nothing
# ends the recursion. The workspace is found by the policy, of which there are few.
CREATE = """
CREATE FUNCTION accounts_review_count_assessments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO accounts_review_dormancycount (workspace_id, segment, limit_days, standing, never_used, is_dated, day, count)
        SELECT workspace_id, segment, limit_days, standing, never_used, activity_at IS NOT NULL, (dormant_from AT TIME ZONE 'UTC')::date, -count(*)
            FROM before JOIN accounts_review_policyversion policy ON policy.id = policy_id
            WHERE is_listed GROUP BY 1, 2, 3, 4, 5, 6, 7;
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM after) THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'INSERT' THEN
        INSERT INTO accounts_review_dormancycount (workspace_id, segment, limit_days, standing, never_used, is_dated, day, count)
        SELECT workspace_id, segment, limit_days, standing, never_used, activity_at IS NOT NULL, (dormant_from AT TIME ZONE 'UTC')::date, count(*)
            FROM after JOIN accounts_review_policyversion policy ON policy.id = policy_id
            WHERE is_listed GROUP BY 1, 2, 3, 4, 5, 6, 7;
    ELSE
        INSERT INTO accounts_review_dormancycount (workspace_id, segment, limit_days, standing, never_used, is_dated, day, count)
        SELECT workspace_id, segment, limit_days, standing, never_used, activity_at IS NOT NULL, (dormant_from AT TIME ZONE 'UTC')::date, sum(one)
            FROM (
                SELECT policy_id, segment, limit_days, standing, never_used, activity_at, dormant_from, 1 AS one FROM after WHERE is_listed
                UNION ALL
                SELECT policy_id, segment, limit_days, standing, never_used, activity_at, dormant_from, -1 FROM before WHERE is_listed
            ) change JOIN accounts_review_policyversion policy ON policy.id = policy_id
            GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(one) <> 0;
    END IF;
    UPDATE accounts_review_assessment wrong SET is_listed = NOT wrong.is_listed
        FROM after JOIN accounts_review_account account ON account.id = after.account_id
        WHERE wrong.account_id = after.account_id
            AND after.is_listed <> (account.absent_since IS NULL AND account.gone_at IS NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER count_inserted AFTER INSERT ON accounts_review_assessment
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION accounts_review_count_assessments();
CREATE TRIGGER count_updated AFTER UPDATE ON accounts_review_assessment
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_review_count_assessments();
CREATE TRIGGER count_deleted AFTER DELETE ON accounts_review_assessment
    REFERENCING OLD TABLE AS before FOR EACH STATEMENT EXECUTE FUNCTION accounts_review_count_assessments();

CREATE FUNCTION accounts_review_follow_listing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE accounts_review_assessment SET is_listed = (NEW.absent_since IS NULL AND NEW.gone_at IS NULL)
        WHERE account_id = NEW.id AND is_listed <> (NEW.absent_since IS NULL AND NEW.gone_at IS NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER follow_listing AFTER UPDATE OF absent_since, gone_at ON accounts_review_account
    FOR EACH ROW WHEN (
        (OLD.absent_since IS NULL AND OLD.gone_at IS NULL) <> (NEW.absent_since IS NULL AND NEW.gone_at IS NULL)
    ) EXECUTE FUNCTION accounts_review_follow_listing();
"""
DROP = """
DROP TRIGGER follow_listing ON accounts_review_account;
DROP FUNCTION accounts_review_follow_listing();
DROP TRIGGER count_deleted ON accounts_review_assessment;
DROP TRIGGER count_updated ON accounts_review_assessment;
DROP TRIGGER count_inserted ON accounts_review_assessment;
DROP FUNCTION accounts_review_count_assessments();
"""


class Migration(migrations.Migration):

    dependencies = [
        ("accounts_review", "0010_email_texts"),
    ]

    operations = [
        migrations.CreateModel(
            name='DormancyCount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts_review.workspace')),
                ('segment', models.TextField()),
                ('limit_days', models.PositiveIntegerField()),
                ('standing', models.CharField(choices=[('ordinary', 'ordinary'), ('protected', 'protected'), ('uncertain', 'uncertain')], max_length=10)),
                ('never_used', models.BooleanField()),
                ('is_dated', models.BooleanField()),
                ('day', models.DateField()),
                ('count', models.IntegerField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.RemoveIndex(
            model_name='assessment',
            name='assessment_by_idleness',
        ),
        migrations.RemoveIndex(
            model_name='assessment',
            name='assessment_dormant_from',
        ),
        migrations.AddField(
            model_name='assessment',
            name='is_listed',
            field=models.BooleanField(db_default=True, default=True, editable=False, help_text='As the account says; triggers keep it, so that gone accounts are in no index of a page.'),
        ),
        migrations.AddField(
            model_name='assessment',
            name='never_used',
            field=models.BooleanField(db_default=False, default=False, help_text='Both dates of use are absent, null or empty, and the joining date is valid.'),
        ),
        migrations.AddField(
            model_name='previewedassessment',
            name='never_used',
            field=models.BooleanField(db_default=False, default=False, help_text='Both dates of use are absent, null or empty, and the joining date is valid.'),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(models.F('workspace'), django.db.models.functions.text.Lower(django.db.models.functions.text.Left('username', 200)), models.F('id'), condition=models.Q(('absent_since', None), ('gone_at', None)), name='account_by_username'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(models.F('workspace'), django.db.models.functions.text.Lower(django.db.models.functions.text.Left('email', 200)), models.F('id'), condition=models.Q(('absent_since', None), ('gone_at', None)), name='account_by_email'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=django.contrib.postgres.indexes.GinIndex(condition=models.Q(('absent_since', None), ('gone_at', None)), fields=['groups'], name='account_by_group'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(condition=models.Q(('lost_activity_at__isnull', False)), fields=['workspace'], name='account_lost_activity'),
        ),
        migrations.AddIndex(
            model_name='assessment',
            index=models.Index(condition=models.Q(('is_listed', True)), fields=['standing', 'dormant_from', 'account'], name='assessment_by_idleness'),
        ),
        migrations.AddIndex(
            model_name='assessment',
            index=models.Index(condition=models.Q(('is_listed', True)), fields=['dormant_from', 'account'], name='assessment_dormant_from'),
        ),
        migrations.AddIndex(
            model_name='assessment',
            index=models.Index(django.db.models.functions.comparison.Coalesce('activity_at', models.Value(datetime.datetime(9999, 12, 30, 0, 0, tzinfo=datetime.UTC))), models.F('account'), condition=models.Q(('is_listed', True)), name='assessment_oldest_first'),
        ),
        migrations.AddIndex(
            model_name='assessment',
            index=models.Index(django.db.models.functions.comparison.Coalesce('activity_at', models.Value(datetime.datetime(1, 1, 2, 0, 0, tzinfo=datetime.UTC))), models.F('account'), condition=models.Q(('is_listed', True)), name='assessment_newest_first'),
        ),
        migrations.AddIndex(
            model_name='assessment',
            index=models.Index(condition=models.Q(('is_listed', True)), fields=['segment', 'account'], name='assessment_by_segment'),
        ),
        migrations.AddIndex(
            model_name='assessment',
            index=models.Index(condition=models.Q(('is_listed', True), ('never_used', True)), fields=['dormant_from', 'account'], name='assessment_never_used'),
        ),
        migrations.AddIndex(
            model_name='assessment',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass('reasons', name='jsonb_path_ops'), condition=models.Q(('is_listed', True), ('standing', 'protected')), name='assessment_protected_by'),
        ),
        migrations.AddIndex(
            model_name='dormancycount',
            index=models.Index(fields=['workspace', 'day'], include=('segment', 'limit_days', 'standing', 'never_used', 'is_dated', 'count'), name='dormancy_count_by_day'),
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
        migrations.RunSQL(CREATE, DROP),
    ]
