import booking.models.appointments
import django.db.models.deletion
import encrypted_fields.fields
from booking import triggers
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import migrations, models

TABLE = "queueboard_queueevent"


def install(apps, editor):
    triggers.run(editor, triggers.append_only_sql(editor.connection.vendor, TABLE))


def remove(apps, editor):
    triggers.run(editor, triggers.drop_sql(editor.connection.vendor, TABLE))


# role -> permissions, as "app.codename"; a clerk, an expert and a manager also need is_staff to enter the admin.
_VIEW = ["booking.view_session", "booking.view_slot", "queueboard.view_ticket", "queueboard.view_queueevent"]
_PEOPLE = ["booking.view_patient", "booking.add_patient", "booking.change_patient", "booking.view_appointment"]
_SCHEDULE = [
    f"booking.{verb}_{model}"
    for model in ("department", "room", "expert", "template", "templateroom", "holiday", "leave", "sessionroom")
    for verb in ("add", "change", "delete", "view")
]
_SCREENS = [
    f"queueboard.{verb}_{model}" for model in ("board", "device", "kiosk") for verb in ("add", "change", "delete", "view")
]
ROLES = {
    "clerk": [*_VIEW, *_PEOPLE, "queueboard.work_desk", "queueboard.call_patients"],
    "expert": [*_VIEW, "queueboard.call_patients"],
    "manager": [
        *_VIEW, *_PEOPLE, *_SCHEDULE,
        "queueboard.work_desk", "queueboard.call_patients", "queueboard.manage_queues",
        "booking.change_session", "booking.change_slot", "booking.view_quotamove", "booking.view_quotaplan",
        "booking.view_pastsession", "booking.view_outbox",
        "booking.view_payment", "booking.view_refund", "booking.view_moneymove", "booking.view_suspension",
        "booking.view_ballot", "booking.view_ballotentry", "booking.view_waitlistentry", "booking.view_datalog",
        "queueboard.view_delivery",
        *_SCREENS,
    ],
    "board": ["queueboard.view_board"],
}  # fmt: skip


def make_roles(apps, editor):
    for label in ("booking", "queueboard"):
        config = apps.get_app_config(label)
        # Without models no permissions are made; a flush makes them anew by the same mark.
        before, config.models_module = getattr(config, "models_module", None), True
        create_permissions(config, apps=apps, verbosity=0)
        config.models_module = before
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for role, wanted in ROLES.items():
        group, _ = Group.objects.get_or_create(name=role)
        for name in wanted:
            label, codename = name.split(".")
            group.permissions.add(Permission.objects.get(content_type__app_label=label, codename=codename))


class Migration(migrations.Migration):

    # What a new database gets at once; one that was begun by these goes on by these.
    replaces = [
        ('queueboard', '0001_initial'),
        ('queueboard', '0002_triggers'),
        ('queueboard', '0003_roles'),
        ('queueboard', '0004_lookup'),
        ('queueboard', '0005_words'),
        ('queueboard', '0006_simulation'),
        ('queueboard', '0007_foretold'),
        ('queueboard', '0008_managers_see_payments'),
        ('queueboard', '0009_suspensions_are_seen'),
        ('queueboard', '0010_notices'),
        ('queueboard', '0011_notices_are_seen'),
        ('queueboard', '0012_lookup_by_phone'),
        ('queueboard', '0013_told'),
        ('queueboard', '0014_chats'),
        ('queueboard', '0015_notices_by_number'),
        ('queueboard', '0016_challenges'),
        ('queueboard', '0017_forgotten_correspondents'),
        ('queueboard', '0018_draws_are_seen'),
        ('queueboard', '0019_data_log_is_seen'),
        ('queueboard', '0020_entered_afterwards'),
        ('queueboard', '0021_screens'),
        ('queueboard', '0022_screens_are_managed'),
        ('queueboard', '0023_kiosks'),
        ('queueboard', '0024_kiosks_are_devices'),
        ('queueboard', '0025_on_site'),
        ('queueboard', '0026_board_sound'),
    ]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('booking', '0001_squashed_0025_late_is_said'),
    ]

    operations = [
        migrations.CreateModel(
            name='Picture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=32, unique=True)),
                ('answer_hash', models.CharField(max_length=64)),
                ('drawn', models.PositiveSmallIntegerField(default=1)),
                ('answered', models.BooleanField(default=False)),
                ('until', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='ScreenCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=6, unique=True)),
                ('secret_hash', models.CharField(max_length=64, unique=True)),
                ('address_hash', models.CharField(db_index=True, max_length=64)),
                ('expires_at', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='Spent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('nonce', models.CharField(max_length=32, unique=True)),
                ('until', models.DateTimeField(db_index=True)),
            ],
        ),
        migrations.CreateModel(
            name='WeChatLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('call', models.CharField(max_length=64, unique=True)),
                ('until', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='WeChatToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('app_id', models.CharField(max_length=64, unique=True)),
                ('value', encrypted_fields.fields.EncryptedTextField(null=True)),
                ('serial', models.PositiveIntegerField(default=0)),
                ('expires_at', models.DateTimeField(null=True)),
                ('asking_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Address',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('way', models.CharField(max_length=12, verbose_name='way of telling')),
                ('value', encrypted_fields.fields.EncryptedTextField(blank=True, null=True)),
                ('value_hash', models.CharField(editable=False, max_length=64)),
                ('line', models.CharField(blank=True, max_length=120)),
                ('token', models.CharField(blank=True, editable=False, max_length=32)),
                ('language', models.CharField(choices=[('en', 'English'), ('zh-hans', '简体中文'), ('zh-hant', '繁體中文')], default='zh-hans', max_length=7, verbose_name='language')),
                ('made_at', models.DateTimeField(verbose_name='made at')),
                ('dead_at', models.DateTimeField(blank=True, null=True, verbose_name='dead since')),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='addresses', to='booking.account')),
                ('patient', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='addresses', to='booking.patient')),
            ],
            options={
                'verbose_name': 'address for notices',
                'verbose_name_plural': 'addresses for notices',
                'indexes': [models.Index(condition=models.Q(('token', ''), _negated=True), fields=['token'], name='addresses_by_token')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('account__isnull', False), ('patient__isnull', True), ('token', '')), models.Q(('account__isnull', True), ('patient__isnull', False), ('token', '')), models.Q(('account__isnull', True), ('patient__isnull', True), models.Q(('token', ''), _negated=True)), _connector='OR'), name='an_address_is_of_one_owner'), models.UniqueConstraint(fields=('way', 'value_hash', 'account'), name='an_address_once_per_account'), models.UniqueConstraint(fields=('way', 'value_hash', 'patient'), name='an_address_once_per_patient'), models.UniqueConstraint(condition=models.Q(('token', ''), _negated=True), fields=('way', 'value_hash', 'token'), name='an_address_once_per_visit'), models.CheckConstraint(condition=models.Q(('dead_at__isnull', True), ('value__isnull', True), _connector='OR'), name='a_dead_address_is_forgotten')],
            },
        ),
        migrations.CreateModel(
            name='Board',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True, verbose_name='name in addresses')),
                ('title', models.CharField(max_length=80, verbose_name='title')),
                ('title_en', models.CharField(blank=True, max_length=80, verbose_name='title in English')),
                ('title_zh_hant', models.CharField(blank=True, max_length=80, verbose_name='title in traditional Chinese')),
                ('public', models.BooleanField(default=False, help_text='Anybody who knows the address may see a public board.', verbose_name='public')),
                ('sound', models.CharField(choices=[('voice', 'signal and voice'), ('chime', 'signal'), ('off', 'silent')], default='voice', help_text="A browser without a voice of its own in the board's language gives the signal alone.", max_length=5, verbose_name='sound')),
                ('departments', models.ManyToManyField(related_name='boards', to='booking.department', verbose_name='departments')),
                ('rooms', models.ManyToManyField(blank=True, help_text='Empty: all rooms.', related_name='boards', to='booking.room', verbose_name='rooms')),
            ],
            options={
                'verbose_name': 'board',
                'verbose_name_plural': 'boards',
                'ordering': ['slug'],
                'abstract': False,
                'constraints': [models.CheckConstraint(condition=models.Q(('sound__in', ['voice', 'chime', 'off'])), name='board_sound')],
            },
        ),
        migrations.CreateModel(
            name='ComeTold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('come_at', models.DateTimeField()),
                ('appointment', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='come_told', to='booking.appointment')),
            ],
        ),
        migrations.CreateModel(
            name='Correspondent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('way', models.CharField(max_length=12)),
                ('address', encrypted_fields.fields.EncryptedTextField()),
                ('address_hash', models.CharField(editable=False, max_length=64)),
                ('language', models.CharField(choices=[('en', 'English'), ('zh-hans', '简体中文'), ('zh-hant', '繁體中文')], default='zh-hans', max_length=7)),
                ('made_at', models.DateTimeField()),
                ('asked', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='booking.phonecode')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('way', 'address_hash'), name='correspondent_once_per_way')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('way', models.CharField(max_length=12, verbose_name='way of telling')),
                ('line', models.CharField(blank=True, max_length=120)),
                ('to_hash', models.CharField(max_length=64)),
                ('language', models.CharField(max_length=7, verbose_name='language')),
                ('urgent', models.BooleanField(default=False, verbose_name='urgent')),
                ('state', models.CharField(choices=[('waiting', 'to be sent'), ('sent', 'sent'), ('dead', 'address is dead'), ('refused', 'refused by the service'), ('overtaken', 'no longer true')], default='waiting', max_length=9, verbose_name='state')),
                ('due_at', models.DateTimeField(verbose_name='not before')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended at')),
                ('provider_number', models.CharField(blank=True, max_length=100, verbose_name='number at the service')),
                ('error', models.CharField(blank=True, max_length=200, verbose_name='error')),
                ('address', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='queueboard.address')),
                ('cause', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='booking.outbox', verbose_name='cause')),
            ],
            options={
                'verbose_name': 'notice',
                'verbose_name_plural': 'notices',
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['way', '-urgent', 'id'], name='notices_to_be_sent'), models.Index(condition=models.Q(('provider_number', ''), _negated=True), fields=['provider_number'], name='notices_by_number')],
                'constraints': [models.UniqueConstraint(fields=('cause', 'way', 'to_hash'), name='a_cause_once_per_way_and_address'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state', 'waiting')), models.Q(models.Q(('state', 'waiting'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='a_notice_waits_or_has_ended')],
            },
        ),
        migrations.CreateModel(
            name='Heard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=64, unique=True)),
                ('proof', models.CharField(blank=True, max_length=64)),
                ('at', models.DateTimeField(db_index=True)),
                ('look', models.JSONField(null=True)),
                ('answer', encrypted_fields.fields.EncryptedTextField(null=True)),
                ('correspondent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='heard', to='queueboard.correspondent')),
            ],
            options={
                'indexes': [models.Index(fields=['correspondent', 'at'], name='heard_by_correspondent')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('proof', ''), _negated=True), fields=('proof',), name='a_proof_is_of_one_message')],
            },
        ),
        migrations.CreateModel(
            name='Kiosk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True, verbose_name='name in addresses')),
                ('title', models.CharField(max_length=80, verbose_name='title')),
                ('title_en', models.CharField(blank=True, max_length=80, verbose_name='title in English')),
                ('title_zh_hant', models.CharField(blank=True, max_length=80, verbose_name='title in traditional Chinese')),
                ('walk_ins', models.BooleanField(default=True, verbose_name='walk-ins may register here')),
                ('prints_by_itself', models.BooleanField(default=False, help_text='The browser was started with --kiosk-printing. Otherwise a key prints, and the browser asks.', verbose_name='prints by itself')),
                ('public', models.BooleanField(default=False, help_text='Opens on any machine that has the address: for demonstrations and for a closed network.', verbose_name='public')),
                ('departments', models.ManyToManyField(related_name='kiosks', to='booking.department', verbose_name='departments')),
            ],
            options={
                'verbose_name': 'kiosk',
                'verbose_name_plural': 'kiosks',
                'ordering': ['slug'],
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Device',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Where it hangs, such as: 3rd floor, left.', max_length=80, verbose_name='name')),
                ('secret_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('connected_at', models.DateTimeField(editable=False, verbose_name='connected at')),
                ('seen_at', models.DateTimeField(editable=False, null=True, verbose_name='last seen')),
                ('version', models.CharField(blank=True, editable=False, max_length=16, verbose_name='version')),
                ('width', models.PositiveIntegerField(editable=False, null=True, verbose_name='width in pixels')),
                ('height', models.PositiveIntegerField(editable=False, null=True, verbose_name='height in pixels')),
                ('revoked_at', models.DateTimeField(editable=False, null=True, verbose_name='disconnected at')),
                ('board', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='devices', to='queueboard.board', verbose_name='board')),
                ('connected_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='connected by')),
                ('kiosk', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='devices', to='queueboard.kiosk', verbose_name='kiosk')),
            ],
            options={
                'verbose_name': 'screen',
                'verbose_name_plural': 'screens',
                'ordering': ['name', 'pk'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('board__isnull', False), ('kiosk', None)), models.Q(('board', None), ('kiosk__isnull', False)), _connector='OR'), name='device_has_a_place', violation_error_message='Please say what the screen shows: one board, or one kiosk.')],
            },
        ),
        migrations.CreateModel(
            name='LookupTry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address_hash', models.CharField(max_length=64)),
                ('phone_hash', models.CharField(default='', max_length=64)),
                ('at', models.DateTimeField()),
                ('found', models.BooleanField(default=False)),
            ],
            options={
                'indexes': [models.Index(fields=['address_hash', 'at'], name='lookup_tries_by_address'), models.Index(fields=['phone_hash', 'at'], name='lookup_tries_by_phone')],
            },
        ),
        migrations.CreateModel(
            name='OnSiteTry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address_hash', models.CharField(max_length=64)),
                ('at', models.DateTimeField()),
                ('appointment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='booking.appointment')),
            ],
            options={
                'indexes': [models.Index(fields=['address_hash', 'at'], name='on_site_tries_by_address'), models.Index(fields=['appointment', 'at'], name='on_site_tries_by_visit')],
            },
        ),
        migrations.CreateModel(
            name='Refusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refusals', to='booking.session')),
            ],
        ),
        migrations.CreateModel(
            name='Simulation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked', models.JSONField(verbose_name='what was asked')),
                ('state', models.CharField(choices=[('waiting', 'waits for its turn'), ('running', 'is being played'), ('done', 'done'), ('stopped', 'stopped halfway'), ('failed', 'could not be played')], default='waiting', max_length=7, verbose_name='state')),
                ('progress', models.PositiveSmallIntegerField(default=0, verbose_name='progress (%)')),
                ('run', models.PositiveSmallIntegerField(default=0)),
                ('heard_at', models.DateTimeField()),
                ('result', models.JSONField(null=True, verbose_name='result')),
                ('made_at', models.DateTimeField(verbose_name='asked at')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended at')),
                ('expert', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='booking.expert', verbose_name='expert')),
                ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL, verbose_name='who')),
            ],
            options={
                'verbose_name': 'simulation',
                'verbose_name_plural': 'simulations',
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('state',), name='one_simulation_is_played_at_a_time'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), ('result__isnull', False), _connector='OR'), name='a_simulation_done_has_a_result')],
            },
        ),
        migrations.CreateModel(
            name='Ticket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(verbose_name='number')),
                ('token', models.CharField(db_index=True, default=booking.models.appointments.new_token, editable=False, max_length=32)),
                ('booked', models.BooleanField(verbose_name='booked')),
                ('first_visit', models.BooleanField(default=True, verbose_name='first visit')),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('called', 'called'), ('serving', 'in service'), ('missed', 'missed call'), ('away', 'sent for a test'), ('done', 'seen'), ('left', 'left'), ('handed_over', 'handed over'), ('not_seen', 'not seen')], default='waiting', max_length=11, verbose_name='state')),
                ('arrived', models.DateTimeField(verbose_name='arrived')),
                ('late', models.BooleanField(default=False, verbose_name='late')),
                ('passed', models.BooleanField(default=False, verbose_name='passed')),
                ('misses', models.PositiveSmallIntegerField(default=0, verbose_name='missed calls')),
                ('turned_up', models.DateTimeField(blank=True, null=True, verbose_name='reported back')),
                ('behind', models.PositiveIntegerField(default=0)),
                ('returned', models.DateTimeField(blank=True, null=True, verbose_name='back with the result')),
                ('returned_after', models.PositiveIntegerField(default=0)),
                ('priority', models.CharField(blank=True, choices=[('', 'none'), ('emergency', 'emergency'), ('priority', 'priority')], default='', max_length=9, verbose_name='priority')),
                ('priority_reason', models.CharField(blank=True, max_length=80, verbose_name='reason')),
                ('called_no', models.PositiveIntegerField(default=0)),
                ('return_call', models.BooleanField(default=False)),
                ('calls', models.PositiveSmallIntegerField(default=0, verbose_name='times called')),
                ('called_at', models.DateTimeField(blank=True, null=True, verbose_name='called at')),
                ('started_at', models.DateTimeField(blank=True, null=True, verbose_name='started at')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('served_seconds', models.PositiveIntegerField(default=0)),
                ('foretold_median', models.DateTimeField(editable=False, null=True)),
                ('foretold_p90', models.DateTimeField(editable=False, null=True)),
                ('ahead_told_at', models.DateTimeField(editable=False, null=True)),
                ('turn_told', models.DateTimeField(editable=False, null=True)),
                ('appointment', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='booking.appointment', verbose_name='appointment')),
                ('handed_from', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='handed_to', to='queueboard.ticket')),
                ('patient', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='booking.patient', verbose_name='patient')),
                ('room', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='booking.room', verbose_name='room')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='booking.session', verbose_name='session')),
                ('slot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='booking.slot', verbose_name='slot')),
            ],
            options={
                'verbose_name': 'ticket',
                'verbose_name_plural': 'tickets',
                'ordering': ['session', 'number'],
                'permissions': [('work_desk', 'Can check in, register and place patients'), ('call_patients', 'Can call patients'), ('manage_queues', 'Can stop sessions and hand patients over')],
                'constraints': [models.UniqueConstraint(fields=('session', 'number'), name='ticket_number_once_per_session'), models.UniqueConstraint(condition=models.Q(('state__in', ['called', 'serving'])), fields=('room',), name='one_patient_in_service_per_room'), models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'called', 'serving', 'missed', 'away'])), fields=('session', 'patient'), name='one_live_ticket_per_patient_and_session'), models.UniqueConstraint(condition=models.Q(('appointment__isnull', False), models.Q(('state__in', ['handed_over', 'left']), _negated=True)), fields=('appointment',), name='one_ticket_per_appointment'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['called', 'serving']), _negated=True), ('room__isnull', False), _connector='OR'), name='a_call_has_a_room')],
            },
        ),
        migrations.CreateModel(
            name='QueueEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('kind', models.CharField(max_length=20, verbose_name='what')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('entered_at', models.DateTimeField(blank=True, null=True, verbose_name='entered afterwards')),
                ('reason', models.CharField(blank=True, max_length=120, verbose_name='reason')),
                ('changes', models.JSONField(default=list)),
                ('worse', models.JSONField(default=dict)),
                ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='who')),
                ('room', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='booking.room', verbose_name='room')),
                ('session', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='booking.session', verbose_name='session')),
                ('undoes', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='undone_by', to='queueboard.queueevent')),
                ('ticket', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='queueboard.ticket')),
            ],
            options={
                'verbose_name': 'queue event',
                'verbose_name_plural': 'audit log of the queues',
                'ordering': ['session', 'version'],
                'constraints': [models.UniqueConstraint(fields=('session', 'version'), name='event_version_once')],
            },
        ),
        migrations.CreateModel(
            name='VisitCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token', models.CharField(db_index=True, max_length=32)),
                ('code_hash', models.CharField(max_length=64, unique=True)),
                ('url', models.CharField(max_length=200)),
                ('until', models.DateTimeField()),
                ('used_at', models.DateTimeField(null=True)),
                ('used_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='queueboard.correspondent')),
            ],
        ),
        migrations.RunPython(install, remove),
        migrations.RunPython(make_roles, migrations.RunPython.noop),
    ]
