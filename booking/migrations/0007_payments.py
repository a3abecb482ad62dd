# The prepayment of an appointment, and its money.

import booking.models.payments
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('booking', '0006_split_by'),
    ]

    operations = [
        migrations.AddField(
            model_name='appointment',
            name='fee',
            field=models.PositiveIntegerField(default=0, verbose_name='prepayment (fen)'),
        ),
        migrations.AddField(
            model_name='department',
            name='no_show_forfeits',
            field=models.BooleanField(default=True, verbose_name='a no-show forfeits the prepayment'),
        ),
        migrations.AddField(
            model_name='department',
            name='prepayment',
            field=models.PositiveIntegerField(default=0, verbose_name='prepayment (fen; 0: none)'),
        ),
        migrations.AddField(
            model_name='department',
            name='refund_late',
            field=models.BooleanField(default=False, verbose_name='a late cancellation is refunded'),
        ),
        migrations.AddField(
            model_name='expert',
            name='prepayment',
            field=models.PositiveIntegerField(blank=True, help_text='Empty: as the department.', null=True, verbose_name='prepayment (fen; 0: none)'),
        ),
        migrations.CreateModel(
            name='Payment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(choices=[('demo', 'demonstration'), ('wechat', 'WeChat Pay'), ('alipay', 'Alipay')], max_length=8, verbose_name='provider')),
                ('number', models.CharField(default=booking.models.payments.new_number, editable=False, max_length=32, unique=True, verbose_name='number')),
                ('provider_number', models.CharField(blank=True, max_length=64, verbose_name='number at the provider')),
                ('amount', models.PositiveIntegerField(verbose_name='asked (fen)')),
                ('balance', models.PositiveIntegerField(default=0, verbose_name='held (fen)')),
                ('state', models.CharField(choices=[('open', 'not paid yet'), ('paid', 'paid'), ('refunding', 'goes back'), ('refunded', 'refunded'), ('closed', 'never paid')], default='open', max_length=9, verbose_name='state')),
                ('made_at', models.DateTimeField(verbose_name='made at')),
                ('until', models.DateTimeField(verbose_name='can be paid until')),
                ('paid_at', models.DateTimeField(null=True, verbose_name='paid at')),
                ('check_at', models.DateTimeField(null=True)),
                ('flag', models.CharField(blank=True, max_length=200, verbose_name='look into')),
                ('appointment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='payments', to='booking.appointment', verbose_name='appointment')),
            ],
            options={
                'verbose_name': 'payment',
                'verbose_name_plural': 'payments',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='MoneyMove',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('received', 'received'), ('refunded', 'refunded')], max_length=8, verbose_name='kind')),
                ('amount', models.PositiveIntegerField(verbose_name='amount (fen)')),
                ('balance', models.PositiveIntegerField(verbose_name='held after (fen)')),
                ('provider_number', models.CharField(max_length=64, verbose_name='number at the provider')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('payment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='booking.payment', verbose_name='payment')),
            ],
            options={
                'verbose_name': 'money ledger entry',
                'verbose_name_plural': 'money ledger',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(default=booking.models.payments.new_number, editable=False, max_length=32, unique=True, verbose_name='number')),
                ('provider_number', models.CharField(blank=True, max_length=64, verbose_name='number at the provider')),
                ('amount', models.PositiveIntegerField(verbose_name='amount (fen)')),
                ('reason', models.CharField(choices=[('cancelled', 'cancelled'), ('called_off', 'session cancelled'), ('not_seen', 'there and not seen'), ('no_show', 'no-show'), ('late', 'paid after the hold had ended'), ('twice', 'paid twice'), ('amount', 'another amount than asked')], max_length=10, verbose_name='why')),
                ('made_at', models.DateTimeField(verbose_name='ordered at')),
                ('done_at', models.DateTimeField(null=True, verbose_name='done at')),
                ('error', models.CharField(blank=True, max_length=200, verbose_name='error')),
                ('payment', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='refund', to='booking.payment', verbose_name='payment')),
            ],
            options={
                'verbose_name': 'refund',
                'verbose_name_plural': 'refunds',
            },
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('check_at__isnull', False)), fields=['check_at'], name='payments_to_compare'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(fields=('appointment', 'provider'), name='one_payment_per_provider'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'paid')), fields=('appointment',), name='one_payment_pays_an_appointment'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.UniqueConstraint(condition=models.Q(('provider_number', ''), _negated=True), fields=('provider', 'provider_number'), name='received_once'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='payment_asks_something'),
        ),
        migrations.AddConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('balance', models.F('amount')), ('state', 'paid')), models.Q(('balance__gt', 0), ('state', 'refunding')), models.Q(('balance', 0), ('state__in', ['open', 'refunded', 'closed'])), _connector='OR'), name='payment_holds_what_its_state_says'),
        ),
        migrations.AddConstraint(
            model_name='moneymove',
            constraint=models.UniqueConstraint(fields=('payment', 'kind'), name='money_moves_once_each_way'),
        ),
        migrations.AddConstraint(
            model_name='moneymove',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gt', 0), ('balance', models.F('amount')), ('kind', 'received')), models.Q(('amount__gt', 0), ('balance', 0), ('kind', 'refunded')), _connector='OR'), name='money_balance_follows_from_the_move'),
        ),
        migrations.AddConstraint(
            model_name='refund',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='refund_gives_something'),
        ),
    ]
