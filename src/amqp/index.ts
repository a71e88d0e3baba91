// RabbitMQ: the library's only door, and a look at the other side before it is used.
export { type AsyncMessage, type Channel, Connection } from 'rabbitmq-client';
export { greeting } from './greeting.ts';
